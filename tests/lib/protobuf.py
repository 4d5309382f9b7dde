# SPDX-License-Identifier: Apache-2.0
"""Protocol buffers (version 3), as far as the Container Runtime Interface has them: a message is a dict, and a table says
how to write and read it."""

from dataclasses import dataclass

VARINT, BYTES = 0, 2  # wire types
NUMBERS = {"int", "bool"}


@dataclass(frozen=True)
class Field:
    """kind: int, bool, str, bytes, map (of strings), or the name of a message. A list where it is repeated."""
    number: int
    kind: str
    repeated: bool = False


def messages(text):
    """{name: {field: Field}} of lines like `Message: field 1 kind, field 2 kind*`: with a star it is repeated."""
    tables = {}
    for line in filter(str.strip, text.splitlines()):
        name, _, fields = line.partition(":")
        tables[name.strip()] = {field: Field(int(number), kind.rstrip("*"), kind.endswith("*"))
                                for field, number, kind in map(str.split, filter(str.strip, fields.split(",")))}
    return tables


def _varint(number):
    number &= (1 << 64) - 1  # negative numbers have ten bytes
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(encoded) + bytes([number])


def _read_varint(data, at):
    number = shift = 0
    while True:
        number |= (data[at] & 0x7F) << shift
        at, shift, more = at + 1, shift + 7, data[at] & 0x80
        if not more:
            return number - (1 << 64) if number >> 63 else number, at


PAIR = {"key": Field(1, "str"), "value": Field(2, "str")}


class Codec:
    def __init__(self, tables):
        self.tables = {**tables, "pair": PAIR}

    def encode(self, name, message):
        """A field that the message does not have is an error, None a field that is not set. So is 0, "" or False, but not
        an empty message."""
        out, table = b"", self.tables[name]
        for key, value in message.items():
            field = table[key]  # KeyError: no such field in the interface
            if value is None:
                continue
            if field.kind == "map":
                values = [{"key": one, "value": text} for one, text in sorted(value.items())]
            else:
                values = value if field.repeated else [value]
            for one in values:
                out += self._encode_field(field, one)
        return out

    def _encode_field(self, field, value):
        if field.kind in NUMBERS:
            return _varint(field.number << 3 | VARINT) + _varint(int(value))
        if field.kind == "str":
            data = value.encode()
        elif field.kind == "bytes":
            data = value
        else:
            data = self.encode("pair" if field.kind == "map" else field.kind, value)
        return _varint(field.number << 3 | BYTES) + _varint(len(data)) + data

    def decode(self, name, data):
        """What the table does not name is passed over. What is not there has the value that the protocol gives it."""
        table = self.tables[name]
        message = {key: self._nothing(field) for key, field in table.items()}
        names = {field.number: key for key, field in table.items()}
        at = 0
        while at < len(data):
            tag, at = _read_varint(data, at)
            assert tag & 7 in (VARINT, BYTES), f"{name}: wire type {tag & 7}"
            value, at = _read_varint(data, at)
            if tag & 7 == BYTES:
                value, at = data[at : at + value], at + value
            if tag >> 3 in names:
                key = names[tag >> 3]
                self._put(message, key, table[key], value)
        return message

    @staticmethod
    def _nothing(field):
        if field.kind == "map":
            return {}
        if field.repeated:
            return []
        return {"int": 0, "bool": False, "str": "", "bytes": b""}.get(field.kind)

    def _put(self, message, key, field, value):
        if field.kind == "map":
            pair = self.decode("pair", value)
            message[key][pair["key"]] = pair["value"]
            return
        if field.kind == "str":
            value = value.decode()
        elif field.kind == "bool":
            value = bool(value)
        elif field.kind not in ("int", "bytes"):
            value = self.decode(field.kind, value)
        if field.repeated:
            message[key].append(value)
        else:
            message[key] = value
