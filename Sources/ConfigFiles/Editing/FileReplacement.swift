import CLinux
import Glibc

/// Replaces the contents of a file in one step: whoever opens it sees all of the old or all of the new (rename(2)).
package enum FileReplacement {
    /// Why the file is as it was, and what to do instead.
    struct Failure: Error {
        var message: String
    }

    /// What is in the way of reading a configuration again and again; `nil` if nothing is.
    static func obstacle(toReading path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let kind = status.st_mode & S_IFMT
        guard kind == S_IFREG || kind == S_IFDIR else {
            return "\(path) is no file that could be written: start the gateway with a file or a directory"
        }
        return nil
    }

    /// What is known to be in the way of replacing a file, without trying; `nil` if nothing is.
    package static func obstacle(to path: String) -> String? {
        do throws(Failure) {
            let target = try Target(path)
            guard access(target.directory, W_OK | X_OK) == 0 else { return target.refusal(errno).message }
            return nil
        } catch {
            return error.message
        }
    }

    /// Writes beside the file that the path leads to and renames over it. Its mode stays, and its owner where that is allowed;
    /// what else it carries, such as access lists, does not.
    ///
    /// - Parameters:
    ///   - isExpected: whether what was replaced is what was to be; asked when it has been, so that nobody's edit is lost who
    ///     came in between. If not, it is put back.
    ///   - conflict: asked at the last moment; what it says is in the way.
    static func write(
        _ bytes: [UInt8], to path: String, replacing isExpected: ([UInt8]) -> Bool = { _ in true },
        unless conflict: () -> String?
    ) throws(Failure) {
        let target = try Target(path)
        // Left over from a process that was killed; nobody else has this name.
        unlink(target.temporary)
        let descriptor = open(target.temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw target.refusal(errno) }
        defer { unlink(target.temporary) }
        do throws(Failure) {
            try fill(descriptor, bytes, target)
        } catch {
            close(descriptor)
            throw error
        }
        close(descriptor)
        if let conflict = conflict() { throw Failure(message: conflict) }
        try replace(target, isExpected)
        let directory = open(target.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { return }
        // The file is there for everybody; whether the name survives a loss of power is the file system's affair.
        fsync(directory)
        close(directory)
    }

    /// Both files change names (renameat2(2)), and the one that had the name is looked at before it goes.
    private static func replace(_ target: Target, _ isExpected: ([UInt8]) -> Bool) throws(Failure) {
        let result = sluice_exchange_files(target.temporary, target.path)
        if result == -Int(EINVAL) || result == -Int(ENOSYS) {
            // Some file systems cannot, such as NFS.
            guard rename(target.temporary, target.path) == 0 else { throw target.refusal(errno) }
            return
        }
        guard result == 0 else { throw target.refusal(Int32(-result)) }
        guard let replaced = try? FileContents.read(target.temporary, onlyRegular: true), !isExpected(replaced) else {
            return
        }
        _ = sluice_exchange_files(target.temporary, target.path)
        throw Failure(message: "\(target.path) has been changed by somebody else meanwhile: reload it and try again")
    }

    private static func fill(_ descriptor: Int32, _ bytes: [UInt8], _ target: Target) throws(Failure) {
        var done = 0
        while done < bytes.count {
            let (count, code) = bytes.withUnsafeBytes { buffer in
                let count = Glibc.write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
                return (count, count < 0 ? errno : 0)
            }
            if code == EINTR { continue }
            guard count >= 0 else { throw target.refusal(code) }
            done += count
        }
        // The owner first, because a change of it may take bits of the mode away (chown(2)).
        if fchown(descriptor, target.owner, target.group) != 0 { _ = fchown(descriptor, uid_t.max, target.group) }
        guard fchmod(descriptor, target.mode) == 0, fsync(descriptor) == 0 else { throw target.refusal(errno) }
    }

    /// The file itself, behind all links.
    private struct Target {
        var path: String
        var directory: String
        /// Hidden, so that a directory of configuration files does not gain one.
        var temporary: String
        var mode: mode_t
        var owner: uid_t
        var group: gid_t

        init(_ named: String) throws(Failure) {
            guard let real = realpath(named, nil) else {
                throw Failure(message: "cannot find \(named): \(String(cString: strerror(errno)))")
            }
            defer { free(real) }
            path = String(cString: real)
            let slash = path.lastIndex(of: "/") ?? path.startIndex
            directory = slash == path.startIndex ? "/" : String(path[..<slash])
            temporary = directory + "/.\(path[slash...].dropFirst()).sluice-\(getpid())"
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                throw Failure(message: "\(named) is no regular file")
            }
            mode = status.st_mode & 0o7777
            owner = status.st_uid
            group = status.st_gid
            // Kubernetes keeps the files of a ConfigMap or Secret in a directory of such a name, behind the link `..data`.
            if directory.split(separator: "/").contains(where: { $0.hasPrefix("..") }) {
                throw Failure(
                    message:
                        "\(named) comes from a ConfigMap or Secret, which Kubernetes would write again: change it there, "
                        + "such as with 'kubectl edit configmap'")
            }
            guard status.st_nlink == 1 else {
                throw Failure(
                    message:
                        "\(named) has \(status.st_nlink) names (hard links), and the others would keep the old text: "
                        + "make it a file of its own")
            }
        }

        /// In words for somebody who wanted to change a weight.
        func refusal(_ code: Int32) -> Failure {
            switch code {
            case EROFS:
                Failure(
                    message:
                        "\(directory) cannot be written, its file system is read-only: change the weights where the file "
                        + "comes from, such as with 'kubectl edit configmap', or mount a directory that can be written")
            case EACCES, EPERM:
                Failure(
                    message: "the gateway may not write in \(directory), where the new file would be made: give user "
                        + "\(geteuid()) the right to, or change the file yourself")
            case EBUSY, EXDEV:
                Failure(
                    message:
                        "\(path) is mounted by itself, and a mount cannot be replaced: mount its directory instead, or "
                        + "change the file yourself")
            default: Failure(message: "cannot write \(path): \(String(cString: strerror(code)))")
            }
        }
    }
}
