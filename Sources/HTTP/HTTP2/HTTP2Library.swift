import CNGHTTP2

/// The parts of nghttp2 that are set up once, and how its errors are read.
enum HTTP2Library {
    /// nghttp2 copies them into each session.
    private nonisolated(unsafe) static let callbacks: OpaquePointer? = {
        var callbacks: OpaquePointer?
        nghttp2_session_callbacks_new(&callbacks)
        guard let callbacks else { return nil }
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, http2BeginHeaders)
        nghttp2_session_callbacks_set_on_header_callback(callbacks, http2Header)
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, http2FrameReceived)
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, http2InvalidFrame)
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, http2Data)
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, http2StreamClosed)
        nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, http2FrameSent)
        nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, http2FrameNotSent)
        nghttp2_session_callbacks_set_send_data_callback(callbacks, http2SendData)
        return callbacks
    }()

    /// Acknowledgements that may wait; more end the session. Below nghttp2's own 1000, above what the rates let in.
    private static let waitingAcknowledgements = 500
    /// Entries of one SETTINGS frame; seven are defined.
    private static let settingsEntries = 32
    /// The largest header block to be sent, by nghttp2's pessimistic estimate. Heads are bounded where they are read.
    private static let sentHeaderBytes = 256 * 1024
    /// RFC 7541 section 4.2: the size the protocol starts with. A larger table costs that much for each connection, and
    /// the few fields of inference requests fit.
    private static let tableBytes = 4096

    static func makeSession(_ role: HTTP2Role, _ limits: HTTP2Limits) -> OpaquePointer {
        var option: OpaquePointer?
        nghttp2_option_new(&option)
        if let option { configure(option, role, limits) }
        var session: OpaquePointer?
        switch role {
        case .server: nghttp2_session_server_new2(&session, callbacks, nil, option)
        case .client: nghttp2_session_client_new2(&session, callbacks, nil, option)
        }
        nghttp2_option_del(option)
        // Fails only without memory, which Linux's default overcommit does not report.
        guard let session else { preconditionFailure("out of memory") }
        return session
    }

    private static func configure(_ option: OpaquePointer, _ role: HTTP2Role, _ limits: HTTP2Limits) {
        nghttp2_option_set_no_auto_window_update(option, 1)
        nghttp2_option_set_no_closed_streams(option, 1)
        nghttp2_option_set_max_deflate_dynamic_table_size(option, tableBytes)
        nghttp2_option_set_max_send_header_block_length(option, sentHeaderBytes)
        nghttp2_option_set_max_outbound_ack(option, waitingAcknowledgements)
        nghttp2_option_set_max_settings(option, settingsEntries)
        nghttp2_option_set_max_reserved_remote_streams(option, 0)
        // Behind this side's own limits, which count them apart.
        nghttp2_option_set_max_continuations(option, limits.continuations + 1)
        nghttp2_option_set_stream_reset_rate_limit(
            option, limits.resets.burst * 2, limits.resets.perSecond * 2)
    }

    /// What a failure of `nghttp2_session_mem_recv` means for the connection.
    static func refusal(of error: Int) -> HTTP2FrameRates.Refusal {
        switch nghttp2_error(rawValue: Int32(truncatingIfNeeded: error)) {
        case NGHTTP2_ERR_FLOODED: .abuse(.unreadOutput)
        case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS: .abuse(.continuations)
        case NGHTTP2_ERR_BAD_CLIENT_MAGIC: .error(.protocolError)
        default: .error(.internalError)
        }
    }
}
