import CCurl
import Configuration

/// One call and its easy handle. Used by the client's thread only; libcurl's callbacks run there as well.
final class Transfer {
    let order: Order
    let easy: UnsafeMutableRawPointer
    private(set) var reader: ResponseReader
    private let mailbox: CallMailbox
    private let backlog = Backlog()
    private let errorText: UnsafeMutablePointer<CChar>
    private var lists: [UnsafeMutablePointer<curl_slist>] = []

    /// How long the address of a name is used before it is looked up again, as on the data path.
    static let nameSeconds = 5

    /// - Throws: what cannot be sent safely, or not at all.
    init(_ order: Order, _ mailbox: CallMailbox) throws(ControlClient.Failure) {
        self.order = order
        self.mailbox = mailbox
        reader = ResponseReader(bodyLimit: order.request.bodyLimit)
        let target = try Target(order.request)
        guard let easy = curl_easy_init() else {
            throw ControlClient.Failure(.request, "there is no memory for a call to \(order.request.address)")
        }
        self.easy = easy
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        guard setBasics() && setTimes() && setRequest() && setTarget(target) && setTLS() && setCredentials() else {
            throw ControlClient.Failure(
                .request, "a call to \(order.request.address) cannot be prepared; its TLS settings may be damaged")
        }
    }

    deinit {
        curl_easy_cleanup(easy)
        for list in lists { curl_slist_free_all(list) }
        errorText.deallocate()
    }

    /// libcurl's own words about what went wrong; may be empty.
    var detail: String { quote(String(cString: errorText)) }

    func result(_ code: CURLcode) -> Result<ControlClient.Response, ControlClient.Failure> {
        if let failure = failure(code) { return .failure(failure) }
        var response = reader.response
        response.status = sluice_curl_long(easy, CURLINFO_RESPONSE_CODE)
        return .success(response)
    }

    // MARK: Options

    /// What all calls have in common: nothing of the environment or of an earlier call changes them.
    private func setBasics() -> Bool {
        sluice_curl_set_error_text(easy, errorText)
        sluice_curl_leave_lookups(easy)
        let request = order.request
        return set(CURLOPT_NOSIGNAL, 1)
            && set(CURLOPT_PROXY, "")
            && set(CURLOPT_FOLLOWLOCATION, 0)
            && set(CURLOPT_PATH_AS_IS, 1)
            && set(CURLOPT_DNS_CACHE_TIMEOUT, Self.nameSeconds)
            && (Self.reusesConnection(request) || set(CURLOPT_FRESH_CONNECT, 1) && set(CURLOPT_FORBID_REUSE, 1))
            && sluice_curl_set_receivers(
                easy, receiveHead, receiveBody, Unmanaged.passUnretained(self).toOpaque()) == CURLE_OK
    }

    /// How long it may take and how long it may become; a stream may become any length.
    private func setTimes() -> Bool {
        let request = order.request
        guard set(CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeout.wholeMilliseconds) else { return false }
        guard let stream = request.stream else {
            return set(CURLOPT_TIMEOUT_MS, request.timeout.wholeMilliseconds)
                && sluice_curl_set_size(easy, CURLOPT_MAXFILESIZE_LARGE, max(1, request.bodyLimit)) == CURLE_OK
        }
        return set(CURLOPT_LOW_SPEED_LIMIT, 1)
            && set(CURLOPT_LOW_SPEED_TIME, (stream.silence.wholeMilliseconds + 999) / 1000)
    }

    private func setCredentials() -> Bool {
        switch order.request.credentials {
        case nil: return true
        case .basic(let user, let password):
            // Basic alone is what libcurl uses unless told otherwise, so it needs no 401 first.
            return set(CURLOPT_USERNAME, user) && set(CURLOPT_PASSWORD, password)
        case .netrc(let file):
            guard set(CURLOPT_NETRC, Int(CURL_NETRC_OPTIONAL.rawValue)) else { return false }
            return file.map { set(CURLOPT_NETRC_FILE, $0) } ?? true
        }
    }

    /// Before 8.0, libcurl spoils an HTTP/2 connection that was made with prior knowledge as it uses it again
    /// (https://github.com/curl/curl/pull/10643), and Debian 12 has 7.88. Without TLS a new one costs little.
    private static func reusesConnection(_ request: ControlClient.Request) -> Bool {
        request.reusesConnection && (request.protocol == .http1 || request.tls != nil)
    }

    private func setRequest() -> Bool {
        let request = order.request
        if request.purpose == .connect { return set(CURLOPT_CONNECT_ONLY, 1) }
        let version =
            switch (request.protocol, request.tls) {
            case (.http1, _): CURL_HTTP_VERSION_1_1
            case (.http2, nil): CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
            case (.http2, _): CURL_HTTP_VERSION_2TLS
            }
        guard set(CURLOPT_HTTP_VERSION, Int(version)) else { return false }
        if request.method == "HEAD" {
            guard set(CURLOPT_NOBODY, 1) else { return false }
        } else if let body = request.body {
            guard body.withUnsafeBytes({ sluice_curl_set_body(easy, $0.baseAddress, $0.count) }) == CURLE_OK,
                set(CURLOPT_CUSTOMREQUEST, request.method)
            else { return false }
        } else if request.method != "GET" {
            guard set(CURLOPT_CUSTOMREQUEST, request.method) else { return false }
        }
        return set(CURLOPT_HTTPHEADER, Target.headerLines(request))
    }

    private func setTarget(_ target: Target) -> Bool {
        if let path = target.socketPath, !set(CURLOPT_UNIX_SOCKET_PATH, path) { return false }
        if let other = target.connectsTo, !set(CURLOPT_CONNECT_TO, [other]) { return false }
        return set(CURLOPT_URL, target.url)
    }

    private func setTLS() -> Bool {
        guard let tls = order.request.tls else { return true }
        guard set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)), set(CURLOPT_SSL_VERIFYPEER, 1),
            set(CURLOPT_SSL_VERIFYHOST, 2)
        else { return false }
        if let authorities = tls.authorities {
            // Also without the system's directory, or its authorities would be believed beside these.
            guard sluice_curl_set_text(easy, CURLOPT_CAPATH, nil) == CURLE_OK, set(CURLOPT_CAINFO_BLOB, authorities)
            else { return false }
        }
        guard let certificate = tls.certificate else { return true }
        return set(CURLOPT_SSLCERTTYPE, "PEM") && set(CURLOPT_SSLCERT_BLOB, certificate.chain)
            && set(CURLOPT_SSLKEYTYPE, "PEM") && set(CURLOPT_SSLKEY_BLOB, certificate.privateKey)
    }

    private func set(_ option: CURLoption, _ value: Int) -> Bool {
        sluice_curl_set_long(easy, option, value) == CURLE_OK
    }

    private func set(_ option: CURLoption, _ text: String) -> Bool {
        sluice_curl_set_text(easy, option, text) == CURLE_OK
    }

    private func set(_ option: CURLoption, _ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { sluice_curl_set_blob(easy, option, $0.baseAddress, $0.count) } == CURLE_OK
    }

    private func set(_ option: CURLoption, _ lines: [String]) -> Bool {
        var list: UnsafeMutablePointer<curl_slist>?
        for line in lines {
            guard let longer = curl_slist_append(list, line) else {
                curl_slist_free_all(list)
                return false
            }
            list = longer
        }
        if let list { lists.append(list) }
        return sluice_curl_set_list(easy, option, list) == CURLE_OK
    }

    fileprivate func takeHead(_ line: UnsafeRawBufferPointer) -> Bool { reader.takeLine(line) }

    fileprivate func takeBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let request = order.request
        guard request.stream != nil, 200..<300 ~= sluice_curl_long(easy, CURLINFO_RESPONSE_CODE) else {
            return reader.takeBody(bytes)
        }
        guard backlog.add(bytes.count, limit: request.bodyLimit) else {
            reader.refuseBacklog()
            return false
        }
        mailbox.deliver(order, Array(bytes), backlog)
        return true
    }
}

/// CURLOPT_HEADERFUNCTION(3): one line, complete.
private func receiveHead(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ owner: UnsafeMutableRawPointer?
) -> Int {
    guard let owner else { return 0 }
    let transfer = Unmanaged<Transfer>.fromOpaque(owner).takeUnretainedValue()
    return transfer.takeHead(UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
}

/// CURLOPT_WRITEFUNCTION(3). `size` is always 1.
private func receiveBody(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ owner: UnsafeMutableRawPointer?
) -> Int {
    guard let owner else { return 0 }
    let transfer = Unmanaged<Transfer>.fromOpaque(owner).takeUnretainedValue()
    // A refusal of nothing would pass for an acceptance.
    return transfer.takeBody(UnsafeRawBufferPointer(start: bytes, count: count)) ? count : count + 1
}
