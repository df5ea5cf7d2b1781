"""Messages of Triton's gRPC protocol, written by hand (grpc_service.proto)."""


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited field."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def message(sequence: int, model: bytes = b"m", times: int = 1) -> bytes:
    """A ModelInferRequest with `sequence_id` among its parameters."""
    parameter = field(1, b"sequence_id") + field(2, b"\x10" + varint(sequence))
    return field(1, model) + field(4, parameter) * times
