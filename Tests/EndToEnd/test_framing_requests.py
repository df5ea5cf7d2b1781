"""Requests whose end two parsers could see in different places (RFC 9112 sections 2.2, 5, 6, 7.1 and 11.2).

Each case carries a second request behind the faulty one. It must never reach the endpoint.
"""

import re

import pytest

from support.rawhttp import Incomplete, build, chunked, get, post

SMUGGLED = get("/smuggled", "evil")


def head(*lines: str, start: str = "POST /v2/x HTTP/1.1", host: str = "Host: test") -> bytes:
    return "\r\n".join([start, *([host] if host else []), *lines, "", ""]).encode("latin-1")


def refused(proxy, data: bytes, statuses=(400,)):
    """The bytes are answered once, the connection ends, and the endpoint has seen no whole request."""
    with proxy.connect() as client:
        client.send_all_it_takes(data)
        response = client.response()
        client.expect_end()
    assert response.status in statuses
    assert (
        response.cause
        == {400: "bad_request", 501: "not_implemented", 431: "headers_too_large", 413: "body_too_large"}[
            response.status
        ]
    )
    assert response.body.startswith(b'{"error":'), response.body
    assert [request.target for request in proxy.requests_after_marker()] == []
    assert b"smuggled" not in proxy.upstream.received()
    return response


def untouched(proxy, data: bytes, statuses=(400,)):
    """As `refused`, for what is faulty before the body: the endpoint gets not one byte of it."""
    refused(proxy, data, statuses)
    assert proxy.upstream.received().count(b"HTTP/1.1\r\n") == 1, "only the marker request may have arrived"


LENGTHS_AND_CODINGS = {
    "length then chunked": ["Content-Length: 5", "Transfer-Encoding: chunked"],
    "chunked then length": ["Transfer-Encoding: chunked", "Content-Length: 5"],
    "chunked and length 0": ["Transfer-Encoding: chunked", "Content-Length: 0"],
    "case does not hide": ["transfer-ENCODING: Chunked", "CONTENT-length: 5"],
    "two lengths that differ": ["Content-Length: 5", "Content-Length: 6"],
    "length list that differs": ["Content-Length: 5, 6"],
    "length equal by value only, not by digits, and another": [
        "Content-Length: 5",
        "Content-Length: 05",
        "Content-Length: 7",
    ],
    "length with plus": ["Content-Length: +5"],
    "length negative": ["Content-Length: -1"],
    "length with inner space": ["Content-Length: 5 5"],
    "length hexadecimal": ["Content-Length: 0x5"],
    "length with letters": ["Content-Length: 5a"],
    "length empty": ["Content-Length:"],
    "length empty list member": ["Content-Length: ,"],
    "length with decimal point": ["Content-Length: 5.0"],
    "length in other digits": ["Content-Length: \xb2"],
    "length with underscore": ["Content-Length: 1_0"],
    "length quoted": ['Content-Length: "5"'],
}


@pytest.mark.parametrize("lines", LENGTHS_AND_CODINGS.values(), ids=LENGTHS_AND_CODINGS.keys())
def test_length_and_coding_conflicts(proxy, lines):
    untouched(proxy, head(*lines) + b"0\r\n\r\n" + SMUGGLED)


@pytest.mark.parametrize("length", ["18446744073709551616", "18446744073709551621", "9" * 40, "9223372036854775808"])
def test_length_beyond_every_integer(proxy, length):
    untouched(proxy, head(f"Content-Length: {length}") + b"hello" + SMUGGLED, (400, 413))


@pytest.mark.parametrize("lines", [["Content-Length: 5", "Content-Length: 5"], ["Content-Length: 5, 5"]])
def test_same_length_twice_is_refused_or_made_one(proxy, lines):
    """RFC 9112 section 6.3: reject, or replace by a single valid field; never forward both."""
    with proxy.connect() as client:
        response = client.exchange(head(*lines) + b"hello")
    seen = proxy.requests_after_marker()
    if response.status == 400:
        assert seen == []
    else:
        assert response.status == 200
        assert [(request.body, request.all("content-length")) for request in seen] == [(b"hello", ["5"])]


@pytest.mark.parametrize("value", ["5 ", " 5", "\t5 \t"])
def test_blanks_around_a_length_are_not_part_of_it(proxy, value):
    assert proxy.send(head(f"Content-Length:{value}") + b"hello").status == 200
    assert [request.body for request in proxy.requests_after_marker()] == [b"hello"]


CODINGS = {
    "unknown": ("xchunked", (400, 501)),
    "chunked twice": ("chunked, chunked", (400, 501)),
    "gzip before chunked": ("gzip, chunked", (400, 501)),
    "chunked not last": ("chunked, gzip", (400, 501)),
    "identity": ("identity", (400, 501)),
    "vertical tab": ("\x0bchunked", (400, 501)),
    "quoted": ('"chunked"', (400, 501)),
    "with parameter": ("chunked;a=b", (400, 501)),
    "empty": ("", (400, 501)),
    "two words": ("chunked identity", (400, 501)),
}


@pytest.mark.parametrize("value, statuses", CODINGS.values(), ids=CODINGS.keys())
def test_codings_other_than_chunked(proxy, value, statuses):
    untouched(proxy, head(f"Transfer-Encoding: {value}") + chunked(b"hello") + SMUGGLED, statuses)


def test_chunked_in_two_fields(proxy):
    untouched(
        proxy,
        head("Transfer-Encoding: chunked", "Transfer-Encoding: identity") + chunked(b"hello") + SMUGGLED,
        (400, 501),
    )


@pytest.mark.parametrize("value", ["Chunked", "CHUNKED", " chunked "])
def test_chunked_in_any_case(proxy, value):
    assert proxy.send(head(f"Transfer-Encoding:{value}") + chunked(b"hel", b"lo")).status == 200
    assert [request.body for request in proxy.requests_after_marker()] == [b"hello"]


@pytest.mark.parametrize("lines", [["Transfer-Encoding: chunked"], ["Transfer-Encoding: chunked", "Content-Length: 5"]])
def test_transfer_coding_in_http_1_0_is_faulty(proxy, lines):
    """RFC 9112 section 6.1."""
    untouched(proxy, head(*lines, start="POST / HTTP/1.0") + chunked(b"hello") + SMUGGLED)


HEADS = {
    "folded field": b"GET / HTTP/1.1\r\nHost: test\r\nX-A: b\r\n c\r\n\r\n",
    "folded with tab": b"GET / HTTP/1.1\r\nHost: test\r\nX-A: b\r\n\tc\r\n\r\n",
    "folded transfer coding": b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding:\r\n chunked\r\n\r\n",
    "fold before the first field": b"GET / HTTP/1.1\r\n Host: test\r\n\r\n",
    "blank line with a space": b"GET / HTTP/1.1\r\nHost: test\r\n \r\n\r\n",
    "bare CR in a value": b"GET / HTTP/1.1\r\nHost: test\r\nX-A: b\rc\r\n\r\n",
    "bare CR then field": b"GET / HTTP/1.1\r\nHost: test\r\nX-A: b\rTransfer-Encoding: chunked\r\n\r\n",
    "bare CR in the request line": b"GET /\r HTTP/1.1\r\nHost: test\r\n\r\n",
    "CR CR LF": b"GET / HTTP/1.1\r\nHost: test\r\r\n\r\n",
    "bare LF after the request line": b"GET / HTTP/1.1\nHost: test\r\n\r\n",
    "bare LF after a field": b"GET / HTTP/1.1\r\nHost: test\nX-A: b\r\n\r\n",
    "bare LF at the end": b"GET / HTTP/1.1\r\nHost: test\r\n\n",
    "only bare LF": b"GET / HTTP/1.1\nHost: test\n\n",
    "NUL in a value": b"GET / HTTP/1.1\r\nHost: test\r\nX-A: b\x00c\r\n\r\n",
    "NUL in a name": b"GET / HTTP/1.1\r\nHost: test\r\nX\x00A: b\r\n\r\n",
    "NUL in the target": b"GET /\x00 HTTP/1.1\r\nHost: test\r\n\r\n",
    "NUL in the method": b"G\x00T / HTTP/1.1\r\nHost: test\r\n\r\n",
    "space before colon": b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length : 5\r\n\r\nhello",
    "tab before colon": b"POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "space in a name": b"GET / HTTP/1.1\r\nHost: test\r\nX A: b\r\n\r\n",
    "empty name": b"GET / HTTP/1.1\r\nHost: test\r\n: b\r\n\r\n",
    "no colon": b"GET / HTTP/1.1\r\nHost: test\r\nContent-Length\r\n\r\n",
    "name with brackets": b"GET / HTTP/1.1\r\nHost: test\r\nX(A): b\r\n\r\n",
    "name beyond ASCII": b"GET / HTTP/1.1\r\nHost: test\r\nX-\xc4: b\r\n\r\n",
    "name with a quote": b'GET / HTTP/1.1\r\nHost: test\r\n"Host": b\r\n\r\n',
    "no version": b"GET /\r\nHost: test\r\n\r\n",
    "no target": b"GET HTTP/1.1\r\nHost: test\r\n\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\nHost: test\r\n\r\n",
    "tab for a space": b"GET\t/\tHTTP/1.1\r\nHost: test\r\n\r\n",
    "space at the end": b"GET / HTTP/1.1 \r\nHost: test\r\n\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\nHost: test\r\n\r\n",
    "method no token": b"G(T / HTTP/1.1\r\nHost: test\r\n\r\n",
    "space before the method": b" GET / HTTP/1.1\r\nHost: test\r\n\r\n",
    "lower-case version": b"GET / http/1.1\r\nHost: test\r\n\r\n",
    "version without minor": b"GET / HTTP/1\r\nHost: test\r\n\r\n",
    "version with two digits": b"GET / HTTP/1.10\r\nHost: test\r\n\r\n",
    "other protocol": b"GET / ICE/1.1\r\nHost: test\r\n\r\n",
    "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50) + b"\r\n\r\n",
    "garbage": b"\x80\xff\xfe\r\n\r\n",
}


@pytest.mark.parametrize("data", HEADS.values(), ids=HEADS.keys())
def test_malformed_heads(proxy, data):
    untouched(proxy, data + SMUGGLED)


@pytest.mark.parametrize("data", HEADS.values(), ids=HEADS.keys())
def test_malformed_heads_after_a_good_request(proxy, data):
    """The second request of a connection is read with the same suspicion, and the first is still answered."""
    with proxy.connect() as client:
        client.send(get("/first") + data + SMUGGLED)
        assert client.response().status == 200
        assert client.response().status == 400
        client.expect_end()
    assert [request.target for request in proxy.requests_after_marker()] == ["/first"]


@pytest.mark.parametrize("data", HEADS.values(), ids=HEADS.keys())
def test_malformed_heads_in_single_bytes(proxy, data):
    """Where a read ends makes no difference."""
    with proxy.connect() as client:
        for index in range(len(data)):
            client.send_all_it_takes(data[index : index + 1])
        client.send_all_it_takes(SMUGGLED)
        assert client.response().status == 400
        client.expect_end()
    assert proxy.requests_after_marker() == []


CHUNKS = {
    "0x before the size": b"0x5\r\nhello\r\n0\r\n\r\n",
    "space before the size": b" 5\r\nhello\r\n0\r\n\r\n",
    "plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "minus": b"-1\r\nhello\r\n0\r\n\r\n",
    "seventeen digits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "all bits": b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "sign bit": b"8000000000000000\r\nhello\r\n0\r\n\r\n",
    "empty size": b"\r\nhello\r\n0\r\n\r\n",
    "only an extension": b";a=b\r\nhello\r\n0\r\n\r\n",
    "letters": b"g\r\nhello\r\n0\r\n\r\n",
    "no CRLF after the data": b"5\r\nhello0\r\n\r\n",
    "other bytes after the data": b"5\r\nhelloXX0\r\n\r\n",
    "data longer than the size": b"4\r\nhello\r\n0\r\n\r\n",
    "LF after the size": b"5\nhello\r\n0\r\n\r\n",
    "LF after the data": b"5\r\nhello\n0\r\n\r\n",
    "CR after the size": b"5\rhello\r\n0\r\n\r\n",
    "LF in an extension": b"5;a\nhello\r\n0\r\n\r\n",
    "bare CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "NUL in an extension": b"5;a\x00\r\nhello\r\n0\r\n\r\n",
    "LF at the end": b"5\r\nhello\r\n0\r\n\n",
    "LF after the last chunk": b"5\r\nhello\r\n0\n\r\n",
    "two spaces and a size": b"5 5\r\nhello\r\n0\r\n\r\n",
    "folded trailer": b"5\r\nhello\r\n0\r\nX-A: b\r\n c\r\n\r\n",
    "trailer without colon": b"5\r\nhello\r\n0\r\nX-A\r\n\r\n",
    "trailer with LF": b"5\r\nhello\r\n0\r\nX-A: b\n\r\n",
    "trailer with NUL": b"5\r\nhello\r\n0\r\nX-A: \x00\r\n\r\n",
    "trailer with space before colon": b"5\r\nhello\r\n0\r\nX-A : b\r\n\r\n",
}


@pytest.mark.parametrize("body", CHUNKS.values(), ids=CHUNKS.keys())
def test_malformed_chunks(proxy, body):
    refused(proxy, head("Transfer-Encoding: chunked") + body + SMUGGLED)


@pytest.mark.parametrize("body", CHUNKS.values(), ids=CHUNKS.keys())
def test_malformed_chunks_in_single_bytes(proxy, body):
    with proxy.connect() as client:
        client.send(head("Transfer-Encoding: chunked"))
        for index in range(len(body)):
            client.send_all_it_takes(body[index : index + 1])
        client.send_all_it_takes(SMUGGLED)
        assert client.response().status == 400
        client.expect_end()
    assert proxy.requests_after_marker() == []


@pytest.mark.parametrize(
    "body", [b"5 \r\nhello\r\n0\r\n\r\n", b"5\t\r\nhello\r\n0\r\n\r\n", b"5 ;a\r\nhello\r\n0\r\n\r\n"]
)
def test_blank_after_a_chunk_size(proxy, body):
    """Bad whitespace (RFC 9112 section 7.1.1): refused, or dropped; the endpoint never sees it as it came."""
    with proxy.connect() as client:
        response = client.exchange(head("Transfer-Encoding: chunked") + body)
    seen = proxy.requests_after_marker()
    assert (response.status, [request.body for request in seen]) in [(400, []), (200, [b"hello"])]


def test_small_chunk_extensions_are_ignored(proxy):
    data = b'5;name=value;x\r\nhello\r\n6;q="a;b"\r\n world\r\n0;last\r\n\r\n'
    assert proxy.send(head("Transfer-Encoding: chunked") + data).status == 200
    assert [request.body for request in proxy.requests_after_marker()] == [b"hello world"]
    assert b"name=value" not in proxy.upstream.received()


def test_leading_zeros_and_upper_case_sizes(proxy):
    data = b"00005\r\nhello\r\n0A\r\n0123456789\r\n000\r\n\r\n"
    assert proxy.send(head("Transfer-Encoding: chunked") + data).status == 200
    assert [request.body for request in proxy.requests_after_marker()] == [b"hello0123456789"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"5;" + b"a" * (1 << 20) + b"\r\nhello\r\n0\r\n\r\n", id="one long"),
        pytest.param(b"".join(b"1;" + b"a" * 4000 + b"\r\nx\r\n" for _ in range(1000)) + b"0\r\n\r\n", id="many"),
        pytest.param(b"0" * (1 << 20) + b"5\r\nhello\r\n0\r\n\r\n", id="zeros"),
    ],
)
def test_chunk_extensions_are_bounded(proxy, body):
    """RFC 9112 section 7.1.1: the total of extensions in one request has a limit, answered with a 4xx."""
    refused(proxy, head("Transfer-Encoding: chunked") + body + SMUGGLED, (400, 413, 431))


def test_trailers_reach_the_endpoint(proxy):
    data = head("Transfer-Encoding: chunked", "Trailer: X-Sum") + chunked(b"hello", trailers=b"X-Sum: 42\r\n")
    assert proxy.send(data).status == 200
    (request,) = proxy.requests_after_marker()
    assert (request.body, request.trailer("x-sum")) == (b"hello", "42")


@pytest.mark.parametrize(
    "field",
    [
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Host: evil",
        "Connection: close",
        "X-Sluice-Mirror: x",
        "X-Forwarded-For: 6.6.6.6",
    ],
)
def test_trailers_that_would_change_the_message_are_not_forwarded(proxy, field):
    """RFC 9110 section 6.5.1."""
    with proxy.connect() as client:
        response = client.exchange(
            head("Transfer-Encoding: chunked") + chunked(b"hello", trailers=field.encode() + b"\r\n")
        )
    for request in proxy.requests_after_marker():
        assert response.status == 200
        assert request.trailer(field.partition(":")[0]) is None
        assert request.body == b"hello"


def test_trailers_are_bounded(proxy):
    trailers = b"".join(b"X-T-%d: %s\r\n" % (index, b"v" * 1000) for index in range(2000))
    refused(
        proxy, head("Transfer-Encoding: chunked") + chunked(b"hello", trailers=trailers) + SMUGGLED, (400, 413, 431)
    )


HOSTS = {
    "missing": head(start="GET / HTTP/1.1", host=""),
    "twice": head("Host: test", start="GET / HTTP/1.1"),
    "twice, different": head("Host: other", start="GET / HTTP/1.1"),
    "space inside": head(start="GET / HTTP/1.1", host="Host: a b"),
    "slash": head(start="GET / HTTP/1.1", host="Host: a/b"),
    "user": head(start="GET / HTTP/1.1", host="Host: user@a"),
    "list": head(start="GET / HTTP/1.1", host="Host: a, b"),
    "open bracket": head(start="GET / HTTP/1.1", host="Host: [::1"),
    "port no number": head(start="GET / HTTP/1.1", host="Host: a:b"),
    "query": head(start="GET / HTTP/1.1", host="Host: a?b"),
    "fragment": head(start="GET / HTTP/1.1", host="Host: a#b"),
    "backslash": head(start="GET / HTTP/1.1", host="Host: a\\b"),
    "absolute form, but no Host": head(start="GET http://test/ HTTP/1.1", host=""),
    "absolute form, two Hosts": head("Host: test", start="GET http://test/ HTTP/1.1"),
    "absolute form with user": head(start="GET http://user@test/ HTTP/1.1"),
    "absolute form, empty authority": head(start="GET http:///x HTTP/1.1"),
}


@pytest.mark.parametrize("data", HOSTS.values(), ids=HOSTS.keys())
def test_host_is_there_once_and_valid(proxy, data):
    """RFC 9112 section 3.2."""
    untouched(proxy, data + SMUGGLED)


def test_a_body_cut_short_never_becomes_a_whole_request(proxy):
    for data in [head("Content-Length: 100") + b"hello", head("Transfer-Encoding: chunked") + b"5\r\nhello\r\n"]:
        with proxy.connect() as client:
            client.send(data).shut_writing()
            try:
                assert client.response().status == 400
            except Incomplete:
                pass
        assert proxy.requests_after_marker() == []


def test_what_follows_a_body_is_the_next_request(proxy):
    """The length decides where a request ends, whatever the bytes look like."""
    inner = b"GET /inner HTTP/1.1\r\nHost: evil\r\n\r\n"
    with proxy.connect() as client:
        client.send(
            post(inner, "/one")
            + build("POST", "/two", "test", "Transfer-Encoding: chunked")
            + chunked(inner)
            + get("/three")
        )
        assert [client.response().status for _ in range(3)] == [200, 200, 200]
    seen = proxy.requests_after_marker()
    assert [request.target for request in seen] == ["/one", "/two", "/three"]
    assert [request.body for request in seen] == [inner, inner, b""]


def test_error_answers_say_nothing_of_the_inside(proxy):
    response = proxy.send(head("Content-Length: x"))
    assert re.fullmatch(rb'\{"error":"[^"]+"\}', response.body.strip())
    assert response.get("content-type", "").startswith("application/json")
