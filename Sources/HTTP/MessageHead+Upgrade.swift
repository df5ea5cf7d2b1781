import Base

/// The one change of protocol that is passed on, WebSocket over HTTP/1.1 (RFC 6455 section 4, RFC 9110 section 7.8).
extension MessageHead {
    /// A request for WebSocket, and for nothing else: a GET without a body. What lists several protocols leaves the choice to
    /// the endpoint, and the gateway would have to carry whichever that is; such an `Upgrade` is left out like any other.
    package var asksForWebSocket: Bool {
        method == .get && (framing == .none || framing == .length(0)) && namesWebSocket
    }

    /// An answer that says that the connection speaks WebSocket from here on.
    package var switchesToWebSocket: Bool { status == 101 && namesWebSocket }

    /// `Upgrade` has this one value, and `Connection` says that it is meant for this hop.
    private var namesWebSocket: Bool {
        guard nominatesFields, minorVersion == 1, let index = first(.upgrade), isNominated(index) else { return false }
        for other in (index + 1)..<fieldCount where field(other).id == .upgrade { return false }
        return equalsIgnoringCase(value(index), "websocket")
    }
}
