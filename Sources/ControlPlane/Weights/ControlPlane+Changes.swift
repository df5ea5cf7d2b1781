package import API
import Dispatch
import Logging
import Observation

/// What was changed from the operator's side, and by whom.
extension ControlPlane {
    /// The last changes, newest first. `completion` runs on the control queue.
    package func changes(completion: @escaping @Sendable (ChangeList) -> Void) {
        queue.async { [self] in completion(ChangeList(changes: steering.log.records)) }
    }

    /// Remembers what was done or refused, and writes a line to the log. On the control queue.
    package func recordChange(_ record: ChangeRecord) {
        steering.log.add(record)
        let line = ChangeLog.line(record)
        if record.refusal == nil { logger.notice("\(line)") } else { logger.warning("\(line)") }
    }

    /// The same for something that has neither before nor after, such as a reload. From any thread.
    ///
    /// - Parameter subject: `backend/endpoint`, or empty for the gateway.
    package func noteChange(
        _ kind: ChangeRecord.Kind, of subject: String = "", by caller: Caller, refusal: String? = nil
    ) {
        queue.async { [self] in
            recordChange(changeRecord(kind, of: subject, by: caller, refusal: refusal))
        }
    }

    func changeRecord(
        _ kind: ChangeRecord.Kind, of subject: String, by caller: Caller, before: [String: Int]? = nil,
        after: [String: Int]? = nil, refusal: String? = nil
    ) -> ChangeRecord {
        ChangeRecord(
            time: TimeText.seconds(now), user: caller.user, client: caller.client,
            kind: kind,
            subject: subject, before: before, after: after, refusal: refusal)
    }
}
