"""Remote write bodies: protobuf by hand, snappy blocks made of literals."""
import struct

STALE_NAN = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


def bits(value):
    return struct.unpack("<Q", struct.pack("<d", value))[0]


def varint(number):
    out = bytearray()
    number &= (1 << 64) - 1
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, payload):
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def label(name, value):
    return field(1, name.encode()) + field(2, value.encode())


def sample(time_ms, value):
    return b"\x09" + struct.pack("<d", value) + b"\x10" + varint(time_ms)


def time_series(labels, samples):
    """labels: dict; samples: [(time_ms, value)]"""
    out = b"".join(field(1, label(name, labels[name])) for name in sorted(labels))
    return out + b"".join(field(2, sample(*one)) for one in samples)


METRIC_TYPES = {"counter": 1, "gauge": 2, "histogram": 3, "summary": 5}


def metadata(name, kind, help_text):
    return b"\x08" + varint(METRIC_TYPES[kind]) + field(2, name.encode()) + field(4, help_text.encode())


def write_request(series, meta=()):
    """series: [(labels, samples)]; meta: [(name, type, help)]"""
    out = b"".join(field(1, time_series(*one)) for one in series)
    return out + b"".join(field(3, metadata(*one)) for one in meta)


def snappy(data):
    """The block format with literals only: larger than it could be, and valid."""
    out = bytearray(varint(len(data)))
    for begin in range(0, len(data), 65536):
        piece = data[begin:begin + 65536]
        out += bytes([61 << 2]) + struct.pack("<H", len(piece) - 1) + piece
    return bytes(out)
