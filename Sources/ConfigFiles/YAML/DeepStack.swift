import Glibc

/// Runs work that may recurse deeper than the caller's thread has room for.
enum DeepStack {
    /// The YAML parser recurses once per level and stops at 1000 levels, for which 2 MiB were too few; worker threads may have
    /// less. Only what is used becomes memory.
    static let size = 16 << 20

    private final class Job {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    /// Runs the work on a thread of its own and waits for it; on this thread if the system grants no other.
    static func run(stack size: Int = size, _ work: () -> Void) {
        withoutActuallyEscaping(work) { work in
            var attributes = pthread_attr_t()
            pthread_attr_init(&attributes)
            defer { pthread_attr_destroy(&attributes) }
            pthread_attr_setstacksize(&attributes, size)
            let job = Unmanaged.passRetained(Job(work))
            var thread = pthread_t()
            let failure = pthread_create(
                &thread, &attributes,
                { argument in
                    if let argument { Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body() }
                    return nil
                }, job.toOpaque())
            guard failure == 0 else {
                job.takeRetainedValue().body()
                return
            }
            pthread_join(thread, nil)
        }
    }
}
