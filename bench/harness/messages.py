"""ModelInfer as it is on the wire: a message of grpc_service.proto with the prefix that gRPC puts before it."""

import struct

# What carries the payload: field 7 of ModelInferRequest, field 6 of ModelInferResponse.
RAW_INPUTS, RAW_OUTPUTS = 7, 6


def infer_request(payload: int) -> bytes:
    """A ModelInferRequest for the model `classify` with one tensor of `payload` bytes."""
    return prefixed(field(1, b"classify") + field(5, tensor("INPUT", payload)) + field(RAW_INPUTS, bytes(payload)))


def infer_response() -> bytes:
    """A ModelInferResponse with one score."""
    return prefixed(
        field(1, b"classify") + field(2, b"1") + field(5, tensor("SCORE", 4)) + field(RAW_OUTPUTS, bytes(4)))


def tensor(name: str, size: int) -> bytes:
    """The description of [1, n] numbers of four bytes each: name, datatype and shape."""
    return field(1, name.encode()) + field(2, b"FP32") + field(3, varint(1) + varint(size // 4))


def field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(number: int) -> bytes:
    found = b""
    while number > 0x7F:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def prefixed(message: bytes) -> bytes:
    """Not compressed."""
    return b"\0" + struct.pack(">I", len(message)) + message
