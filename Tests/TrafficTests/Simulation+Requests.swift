import Base
import HTTP
import Synchronization
import Traffic

/// What loops do: places, queues, tries. The rules for places are those of docs/architecture.md, "How places are handed
/// over".
extension Simulation {
    func arrive() {
        guard isLive else { return }
        let isCalm = now >= setup.faultsEnd
        let burst = !isCalm && random.below(40) == 0 ? 30 : 1
        for _ in 0..<burst {
            let kinds = SimulatedRequest.Kind.allCases
            let isOfFirst = random.chance(percent: setup.firstLoopPercent)
            let request = SimulatedRequest(
                number: requests.count, kind: kinds[Int(random.below(UInt32(kinds.count)))],
                isUrgent: setup.urgentPercent > 0 && random.chance(percent: setup.urgentPercent),
                loop: isOfFirst ? 0 : Int(random.below(UInt32(setup.loops))), came: now)
            requests.append(request)
            unfinished += 1
            budget.countRequest(now: now)
            begunAt[now.nanoseconds / 1_000_000_000, default: 0] += 1
            dispatch(request)
        }
        events.add(
            .arrival, at: now + (isCalm ? milliseconds(50...150) : Nanoseconds(random.next() % (2 * setup.gap.count))))
    }

    func dispatch(_ request: SimulatedRequest) {
        request.step += 1
        let loop = request.loop
        request.isChoosy = !request.tried.isEmpty
        if request.isChoosy || load.waiting.lets(pass: request.isUrgent), let (endpoint, ticket) = acquire(request) {
            launch(request, endpoint, ticket)
            return
        }
        request.phase = .waiting
        request.queuedAt = now
        if request.isChoosy {
            choosy[loop].append(request)
        } else {
            let place = request.isUrgent ? queues[loop].firstIndex { !$0.isUrgent } : nil
            queues[loop].insert(request, at: place ?? queues[loop].count)
        }
        events.add(.queueTimeout(request, step: request.step), at: now + setup.queueTimeout)
        if request.isChoosy {
            load.waiting.joinChoosy(loop)
            serveChoosy(loop)
        } else if load.waiting.join(
            loop, isUrgent: request.isUrgent,
            since: queues[loop].first { $0.isUrgent == request.isUrgent } === request ? now : nil)
        {
            serve(loop)
        }
    }

    // MARK: - Places

    private func acquire(_ request: SimulatedRequest) -> (Int, EndpointHealth.Ticket)? {
        guard load.inFlight.take(limit: setup.endpoints * setup.perEndpoint) else { return nil }
        if let choice = choose(request) { return choice }
        load.inFlight.give()
        return nil
    }

    private func choose(_ request: SimulatedRequest) -> (Int, EndpointHealth.Ticket)? {
        let usable = healths.indices.filter { healths[$0].isUsable }
        let isPanic = usable.count * 2 < healths.count
        var candidates = isPanic ? Array(healths.indices) : usable
        // A retry goes elsewhere, if there is an elsewhere: also if it has to wait for a place there.
        let untried = candidates.filter { !request.tried.contains($0) }
        if !untried.isEmpty { candidates = untried }
        let choice = balance.pick(
            random: &random, load: { loads[$0].inFlight.current },
            hasRoom: { candidates.contains($0) && loads[$0].inFlight.current < setup.perEndpoint })
        guard let choice, loads[choice].inFlight.take(limit: setup.perEndpoint) else { return nil }
        if let ticket = isPanic ? healths[choice].beginInPanic(now: now) : healths[choice].begin(now: now) {
            return (choice, ticket)
        }
        loads[choice].inFlight.give()
        return nil
    }

    private func placeFreed(_ loop: Int) {
        switch load.waiting.next() {
        case .first(let next): give(next, from: loop)
        case .choosy(let next): offer(next, from: loop, asked: 0)
        case nil: break
        }
    }

    private func give(_ next: Int, from loop: Int) {
        if next == loop { takePassedPlace(loop) } else { post(.placePassed(loop: next)) }
    }

    private func offer(_ next: Int, from loop: Int, asked: UInt64) {
        if next == loop { takeOffer(loop, asked) } else { post(.placeOffered(loop: next, asked: asked)) }
    }

    func takePassedPlace(_ loop: Int) {
        if !queues[loop].isEmpty {
            serve(loop)
            guard queues[loop].isEmpty else { return }
        }
        if let next = load.waiting.another(than: loop) { post(.placePassed(loop: next)) }
    }

    func takeOffer(_ loop: Int, _ asked: UInt64) {
        if serveChoosy(loop) { return }
        let asked = asked | 1 << UInt64(loop)
        if let next = load.waiting.nextChoosy(notIn: asked) {
            offer(next, from: loop, asked: asked)
        } else if let next = load.waiting.nextFirst() {
            give(next, from: loop)
        }
    }

    /// What happens where an endpoint has become usable or unusable.
    func serveAll(_ loop: Int) {
        serve(loop)
        while serveChoosy(loop) {}
    }

    @discardableResult private func serveChoosy(_ loop: Int) -> Bool {
        for (place, request) in choosy[loop].enumerated() {
            guard let (endpoint, ticket) = acquire(request) else { continue }
            leaveChoosy(loop, place)
            launch(request, endpoint, ticket)
            return true
        }
        return false
    }

    func leaveChoosy(_ loop: Int, _ place: Int) {
        choosy[loop].remove(at: place)
        if choosy[loop].isEmpty { load.waiting.leftChoosy(loop) }
    }

    private func serve(_ loop: Int) {
        while let request = queues[loop].first, let (endpoint, ticket) = acquire(request) {
            leaveQueue(loop, 0)
            launch(request, endpoint, ticket)
        }
    }

    func leaveQueue(_ loop: Int, _ place: Int) {
        queues[loop].remove(at: place)
        load.waiting.left(
            loop, urgentSince: queues[loop].first { $0.isUrgent }?.queuedAt,
            normalSince: queues[loop].first { !$0.isUrgent }?.queuedAt)
    }

    // MARK: - Tries

    private func launch(_ request: SimulatedRequest, _ endpoint: Int, _ ticket: EndpointHealth.Ticket) {
        for (loop, queue) in queues.enumerated() where loop != request.loop {
            // A request of high priority rightly goes before all that are not.
            guard let head = queue.first, head.isUrgent == request.isUrgent, head.queuedAt < request.queuedAt else {
                continue
            }
            head.passedOver += 1
            mostPassedOver = max(mostPassedOver, head.passedOver)
        }
        request.step += 1
        request.phase = .sent
        request.tries += 1
        request.tried.insert(endpoint)
        request.endpoint = endpoint
        if ticket.isProbe {
            probes[endpoint] += 1
            require(probes[endpoint] == 1, "endpoint \(endpoint) is probed twice at once")
        }
        let behaviour = behaviour(of: endpoint)
        if behaviour != .refusing { request.received += 1 }
        trace("request \(request.number) \(request.kind) try \(request.tries) to \(endpoint), \(behaviour)")

        let (after, failure, outcome): (Nanoseconds, RetryPolicy.Failure?, EndpointOutcome) =
            switch behaviour {
            case .healthy: (milliseconds(5...20), nil, .answered)
            case .slow: (milliseconds(50...400), nil, .answered)
            case .refusing: (milliseconds(0...1), .connectFailure, .connectFailed)
            case .resetting: (milliseconds(1...10), .reset, .reset)
            case .hanging: (Nanoseconds(.max), nil, .answered)
            case .busy: (milliseconds(0...1), .status(503), .answered)
            case .failing: (milliseconds(0...1), .status(500), .answered)
            case .badGateway: (milliseconds(0...1), .status(502), .badGateway)
            }
        let end = now + after
        let limit = setup.policy.deadline(start: now, exchange: .never).at
        let leaves = random.chance(percent: setup.cancelPercent) ? now + milliseconds(0...30) : .never
        if leaves < min(end, limit) {
            events.add(.tryEnd(request, step: request.step, nil, .neutral, ticket), at: leaves)
        } else if limit < end {
            events.add(.tryEnd(request, step: request.step, .timeout, .timeout, ticket), at: limit)
        } else {
            events.add(.tryEnd(request, step: request.step, failure, outcome, ticket), at: end)
        }
    }

    func endTry(
        _ request: SimulatedRequest, _ step: Int, _ failure: RetryPolicy.Failure?, _ outcome: EndpointOutcome,
        _ ticket: EndpointHealth.Ticket
    ) {
        require(request.step == step && request.phase == .sent, "request \(request.number) went on during its try")
        let endpoint = request.endpoint
        var ticket = ticket
        if ticket.isProbe { probes[endpoint] -= 1 }
        let threshold = setup.outlier.consecutiveErrors
        if let report = healths[endpoint].record(
            outcome, of: &ticket, threshold: threshold, suspends: setup.endpoints > 1, now: now)
        {
            let arrival = now + Nanoseconds(random.next() % 100_000)
            events.add(.report(report, endpoint: endpoint), at: max(arrival, report.due))
        }
        loads[endpoint].inFlight.give()
        load.inFlight.give()
        if outcome == .neutral {
            finish(request, isAnswered: true, "client_closed")
        } else if let failure {
            retryOrFail(request, failure)
        } else {
            finish(request, isAnswered: true, "answered")
        }
        placeFreed(request.loop)
    }

    private func retryOrFail(_ request: SimulatedRequest, _ failure: RetryPolicy.Failure) {
        let decision = setup.policy.decide(
            failure,
            of: RetryPolicy.Request(
                method: request.kind == .get ? .get : .post, isInference: request.kind == .inference,
                wasWritten: failure != .connectFailure, hasResponse: false, isReplayable: true, tries: request.tries))
        guard case .retry(let reason) = decision else {
            finish(request, isAnswered: false, "\(failure), \(decision)")
            return
        }
        let second = now.nanoseconds / 1_000_000_000
        let window = (second < 9 ? 0 : second - 9)...second
        guard budget.take(now: now) else {
            finish(request, isAnswered: false, "over_budget")
            return
        }
        retries += 1
        retriedAt[second, default: 0] += 1
        let begun = window.reduce(0) { $0 + begunAt[$1, default: 0] }
        let taken = window.reduce(0) { $0 + retriedAt[$1, default: 0] }
        require(
            Double(taken) <= max(Double(begun) * setup.budgetPercent / 100, Double(setup.minimumRetries * 10)),
            "\(taken) retries of \(begun) requests")
        let wait = RetryBackoff.wait(afterTries: request.tries, random: &random)
        trace("request \(request.number) is sent again for \(reason.name) after \(wait.count / 1000) µs")
        request.phase = .pausing
        request.step += 1
        events.add(.retry(request, step: request.step), at: now + wait)
    }

    func finish(_ request: SimulatedRequest, isAnswered: Bool, _ why: String) {
        require(request.phase != .done, "request \(request.number) was finished twice")
        trace("request \(request.number) is done: \(why)")
        request.phase = .done
        request.step += 1
        unfinished -= 1
        if isAnswered { answered += 1 } else { failed[request.kind, default: 0] += 1 }
        if why == "queue_timeout" { timedOut[request.isUrgent, default: 0] += 1 }
    }
}
