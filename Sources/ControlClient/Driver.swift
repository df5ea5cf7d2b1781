import CCurl
import Dispatch
import Glibc

/// libcurl's multi handle and the calls that are under way. Everything but `init` belongs to one thread.
///
/// Unchecked: it is handed over to that thread once, before anything runs.
final class Driver: @unchecked Sendable {
    let mailbox: CallMailbox
    private let multi: UnsafeMutableRawPointer
    /// By their easy handles.
    private var transfers: [UnsafeMutableRawPointer: Transfer] = [:]

    /// Idle connections that are kept, over all addresses: one for each of a thousand endpoints. libcurl's own limit
    /// follows the number of calls at this moment, and would close most between two rounds of probes.
    private static let keptConnections = 1000
    /// Longest sleep in milliseconds; whatever there is to do ends it earlier.
    private static let longestSleep: Int32 = 60_000
    /// Once for the process, and before other threads use libcurl.
    private static let isReady = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

    init?(answers: DispatchQueue) {
        guard Self.isReady, let multi = curl_multi_init() else { return nil }
        self.multi = multi
        mailbox = CallMailbox(CallMailbox.Multi(handle: multi), answers: answers)
        // One call at a time on an HTTP/2 connection: what blocks one call then blocks no other.
        sluice_curl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_NOTHING))
        sluice_curl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, Self.keptConnections)
    }

    func run() {
        while true {
            let contents = mailbox.take()
            for order in contents.orders { start(order) }
            for number in contents.cancelled { cancel(number) }
            if contents.isClosing { break }
            var running: Int32 = 0
            var code = curl_multi_perform(multi, &running)
            collect()
            if code == CURLM_OK { code = curl_multi_poll(multi, nil, 0, Self.longestSleep, nil) }
            // Out of memory; what is under way cannot go on.
            if code != CURLM_OK { endAll(ControlClient.Failure(.request, String(cString: curl_multi_strerror(code)))) }
        }
        endAll(nil)
        mailbox.end()
        curl_multi_cleanup(multi)
    }

    private func start(_ order: Order) {
        do throws(ControlClient.Failure) {
            let transfer = try Transfer(order, mailbox)
            guard curl_multi_add_handle(multi, transfer.easy) == CURLM_OK else {
                throw ControlClient.Failure(.request, "there is no memory for a call to \(order.request.address)")
            }
            transfers[transfer.easy] = transfer
        } catch {
            mailbox.answer(order, .failure(error))
        }
    }

    private func cancel(_ number: UInt64) {
        guard let transfer = transfers.values.first(where: { $0.order.number == number }) else { return }
        remove(transfer)
        mailbox.answer(transfer.order, .failure(.cancelled(transfer.order.request)))
    }

    private func collect() {
        var code = CURLE_OK
        while let easy = sluice_curl_multi_ended(multi, &code) {
            guard let transfer = transfers[easy] else { continue }
            let result = transfer.result(code)
            // An HTTP/2 connection survives a stream that was given up; but when the peer is gone without a word, so
            // would all later calls on it. Shut down, libcurl finds it dead and makes another.
            if case .failure(let failure) = result, failure.kind == .timeout {
                let descriptor = sluice_curl_socket(easy)
                if descriptor >= 0 { shutdown(descriptor, Int32(SHUT_RDWR)) }
            }
            remove(transfer)
            mailbox.answer(transfer.order, result)
        }
    }

    private func endAll(_ failure: ControlClient.Failure?) {
        for transfer in Array(transfers.values) {
            remove(transfer)
            mailbox.answer(transfer.order, .failure(failure ?? .cancelled(transfer.order.request)))
        }
    }

    private func remove(_ transfer: Transfer) {
        curl_multi_remove_handle(multi, transfer.easy)
        transfers[transfer.easy] = nil
    }
}
