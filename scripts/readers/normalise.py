"""One text form for values of every engine, so that rows can be compared value for value.

An Arrow table becomes rows of JSON values in which each value says its kind:
  null | "b:true" | "i:-5" (any integer) | "f:<16 hex digits of the IEEE double>", "f:NaN"
  | "d:12.50" (decimal, all digits of its scale) | "s:text" | "x:<hex>" (binary)
  | "D:<days since 1970-01-01>" | "t:<microseconds>Z" (timestamp), "t:<microseconds>" (without zone)
  | [elements] | {"field": value} | {"$map": [[key, value], ...]} sorted by the key's text
tests/support/normal-form.ts makes the same form of the values a test wrote.
"""

import json
import struct

import pyarrow as pa
import pyarrow.types as t

MICROS = {"s": 10**6, "ms": 10**3, "us": 1}


def rows_of(data):
    """Rows of an Arrow table or record batch reader, as dictionaries in column order."""
    table = data.read_all() if isinstance(data, pa.RecordBatchReader) else pa.table(data)
    table = table.combine_chunks()
    columns = [values_of(table.column(i)) for i in range(table.num_columns)]
    return [dict(zip(table.column_names, row)) for row in zip(*columns)]


def values_of(column):
    if isinstance(column, pa.ChunkedArray):
        return [value for chunk in column.chunks for value in values_of(chunk)]
    kind = column.type
    if isinstance(kind, pa.ExtensionType):
        return values_of(column.storage)
    if t.is_dictionary(kind):
        return values_of(column.dictionary_decode())
    if t.is_struct(kind):
        return structs_of(column)
    if t.is_map(kind):
        return maps_of(column)
    if t.is_list(kind) or t.is_large_list(kind):
        offsets, values = column.offsets.to_pylist(), values_of(column.values)
        return present(column, lambda i: values[offsets[i] : offsets[i + 1]])
    return scalars_of(column)


def structs_of(column):
    names = [column.type.field(i).name for i in range(column.type.num_fields)]
    children = [values_of(column.field(i)) for i in range(column.type.num_fields)]
    return present(column, lambda i: {name: child[i] for name, child in zip(names, children)})


def maps_of(column):
    offsets = column.offsets.to_pylist()
    keys, items = values_of(column.keys), values_of(column.items)

    def entries(i):
        pairs = [[keys[j], items[j]] for j in range(offsets[i], offsets[i + 1])]
        return {"$map": sorted(pairs, key=lambda pair: text_of(pair[0]))}

    return present(column, entries)


def scalars_of(column):
    kind = column.type
    if t.is_null(kind):
        return [None] * len(column)
    if t.is_timestamp(kind):
        zone = "Z" if kind.tz else ""
        return [None if v is None else f"t:{micros(v, kind.unit)}{zone}" for v in integers(column)]
    if t.is_date32(kind):
        return [None if v is None else f"D:{v}" for v in column.view(pa.int32()).to_pylist()]
    if t.is_date64(kind):
        return [None if v is None else f"D:{v // 86400000}" for v in integers(column)]
    tag = tag_of(kind)
    return [None if v is None else tag(v) for v in column.to_pylist()]


def tag_of(kind):
    if t.is_boolean(kind):
        return lambda v: "b:true" if v else "b:false"
    if t.is_integer(kind):
        return lambda v: f"i:{v}"
    if t.is_floating(kind):
        return lambda v: "f:NaN" if v != v else "f:" + struct.pack(">d", v).hex()
    if t.is_decimal(kind):
        return lambda v: "d:" + format(v, "f")
    if t.is_string(kind) or t.is_large_string(kind) or str(kind) == "string_view":
        return lambda v: "s:" + v
    if t.is_binary(kind) or t.is_large_binary(kind) or t.is_fixed_size_binary(kind) \
            or str(kind) == "binary_view":
        return lambda v: "x:" + v.hex()
    raise TypeError(f"no normal form for Arrow type {kind}")


def integers(column):
    return column.view(pa.int64()).to_pylist()


def micros(value, unit):
    if unit == "ns":
        if value % 1000 != 0:
            return f"{value}ns"
        return value // 1000
    return value * MICROS[unit]


def present(column, value):
    valid = column.is_valid().to_pylist()
    return [value(i) if valid[i] else None for i in range(len(column))]


def text_of(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def print_table(reader, version, uri, read, out):
    """Prints a head line, the rows and an end line; or one line with the error."""
    try:
        rows = read(uri)
        lines = [text_of({"row": row}) for row in rows]
    except BaseException as error:
        message = " ".join(f"{type(error).__name__}: {error}".split())
        print(text_of({"table": uri, "reader": reader, "error": message[:2000]}), file=out, flush=True)
        return False
    print(text_of({"table": uri, "reader": reader, "version": version}), file=out)
    for line in lines:
        print(line, file=out)
    print(text_of({"end": len(rows)}), file=out, flush=True)
    return True
