import HTTP

/// Messages as they come in practice.
enum Samples {
    /// A tensor in binary form, by Triton's Python client.
    static var tritonPost: UnsafeRawBufferPointer {
        staticBytes(
            """
            POST /v2/models/densenet_onnx/infer HTTP/1.1\r
            Host: models.example.com:8080\r
            Authorization: Basic YW5uOmNvcnJlY3QgaG9yc2U=\r
            Inference-Header-Content-Length: 244\r
            Content-Type: application/octet-stream\r
            Content-Length: 602356\r
            User-Agent: python-geventhttpclient-2.3.1\r
            Accept-Encoding: gzip, deflate\r
            \r\n
            """)
    }

    /// 15 fields.
    static var browserGet: UnsafeRawBufferPointer {
        staticBytes(
            """
            GET /v2/models/densenet_onnx/config?pretty=1 HTTP/1.1\r
            Host: models.example.com\r
            Connection: keep-alive\r
            Cache-Control: max-age=0\r
            sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"\r
            sec-ch-ua-mobile: ?0\r
            sec-ch-ua-platform: "Linux"\r
            Upgrade-Insecure-Requests: 1\r
            User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r
            Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r
            Sec-Fetch-Site: none\r
            Sec-Fetch-Mode: navigate\r
            Sec-Fetch-User: ?1\r
            Sec-Fetch-Dest: document\r
            Accept-Encoding: gzip, deflate, br, zstd\r
            Accept-Language: en-GB,en;q=0.9,de;q=0.8\r
            \r\n
            """)
    }

    /// By Triton.
    static var answer: UnsafeRawBufferPointer {
        staticBytes(
            """
            HTTP/1.1 200 OK\r
            Content-Type: application/octet-stream\r
            Inference-Header-Content-Length: 167\r
            Content-Length: 4167\r
            \r\n
            """)
    }

    /// A request head that has been read.
    static func request(_ bytes: UnsafeRawBufferPointer) -> MessageHead {
        let head = MessageHead()
        guard case .complete = head.parseRequest(bytes, limit: limit) else { preconditionFailure("not a request") }
        return head
    }

    /// Bytes that a head may have.
    static let limit = 64 * 1024
}
