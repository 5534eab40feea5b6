#!/usr/bin/python3
"""Fusuma's JSON of random messages against that of Google's own json_format, from the same bytes."""
import json
import os
import random
import struct
import subprocess
import unittest

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import FieldDescriptor as F

BUILD = os.path.join(os.environ.get('top_builddir', '.'), 'tests/unit/proto')

INTS = {F.TYPE_INT32: (-2**31, 2**31 - 1), F.TYPE_UINT32: (0, 2**32 - 1),
        F.TYPE_INT64: (-2**63, 2**63 - 1), F.TYPE_UINT64: (0, 2**64 - 1)}
INTS.update({F.TYPE_SINT32: INTS[F.TYPE_INT32], F.TYPE_SFIXED32: INTS[F.TYPE_INT32],
             F.TYPE_FIXED32: INTS[F.TYPE_UINT32], F.TYPE_SINT64: INTS[F.TYPE_INT64],
             F.TYPE_SFIXED64: INTS[F.TYPE_INT64], F.TYPE_FIXED64: INTS[F.TYPE_UINT64]})
REALS = [0.0, 1.0, -1.5, 0.1, 1 / 3, 1e300, 1e-300, 3.4e38, 123456789.0, float('inf'),
         float('-inf'), float('nan')]
STRINGS = ['', 'a', 'tcp/445 smb', '"\\/\b\f\n\r\t\x01', 'é', '漢字', '😀', '\u2028', '<&>']
NANOS = [0, 1, 999999999, 500000000, 120000, 7000000]


def load_type():
    pool = descriptor_pool.DescriptorPool()
    with open(os.path.join(BUILD, 'types.protoset'), 'rb') as f:
        for file in descriptor_pb2.FileDescriptorSet.FromString(f.read()).file:
            pool.Add(file)
    return message_factory.MessageFactory(pool).GetPrototype(
        pool.FindMessageTypeByName('fusuma.test.Types'))


def as_float(x):
    return struct.unpack('f', struct.pack('f', x))[0] if abs(x) < 3.5e38 else x


def scalar(r, field):
    if field.type in INTS:
        low, high = INTS[field.type]
        return r.choice([0, 1, low, high, r.randint(low, high)])
    return {F.TYPE_FLOAT: lambda: as_float(r.choice(REALS[:5] + REALS[7:])),
            F.TYPE_DOUBLE: lambda: r.choice(REALS + [r.uniform(-1e6, 1e6)]),
            F.TYPE_BOOL: lambda: r.random() < 0.5,
            F.TYPE_STRING: lambda: r.choice(STRINGS),
            F.TYPE_BYTES: lambda: r.randbytes(r.randrange(6)),
            F.TYPE_ENUM: lambda: r.choice([0, 1, -3, 77])}[field.type]()


def fill(r, message, depth):
    for field in message.DESCRIPTOR.fields:
        if r.random() < 0.6:
            continue
        value = getattr(message, field.name)
        is_map = field.message_type and field.message_type.GetOptions().map_entry
        if field.name == 'time':
            value.seconds = r.choice([0, 1, -1, 1700000000, -62135596800, 253402300799])
            value.nanos = r.choice(NANOS)
        elif is_map:
            key, item = (field.message_type.fields_by_name[n] for n in ('key', 'value'))
            for _ in range(r.randrange(3)):
                if item.message_type:
                    fill(r, value[scalar(r, key)], depth + 1)
                else:
                    value[scalar(r, key)] = scalar(r, item)
        elif field.message_type and depth > 2:
            continue
        elif field.label == F.LABEL_REPEATED:
            for _ in range(r.randrange(4)):
                if field.message_type:
                    fill(r, value.add(), depth + 1)
                else:
                    value.append(scalar(r, field))
        elif field.message_type:
            value.SetInParent()
            fill(r, value, depth + 1)
        else:
            setattr(message, field.name, scalar(r, field))


class Json(unittest.TestCase):
    def test_random_messages(self):
        r = random.Random(20)
        kind = load_type()
        messages = [kind()]
        for _ in range(500):
            messages.append(kind())
            fill(r, messages[-1], 0)
        packed = [m.SerializeToString() for m in messages]
        done = subprocess.run([os.path.join(BUILD, 'to_json')], check=True, stdout=subprocess.PIPE,
                              input=b''.join(b'%d\n%s' % (len(b), b) for b in packed))
        lines = done.stdout.decode().split('\n')[:-1]
        self.assertEqual(len(lines), len(messages))
        for line, message in zip(lines, messages):
            want = json.loads(json_format.MessageToJson(message))
            self.assertEqual(json.loads(line), want)
            again = json_format.Parse(line, kind())
            self.assertEqual(again.SerializeToString(deterministic=True),
                             message.SerializeToString(deterministic=True))


if __name__ == '__main__':
    unittest.main(verbosity=2)
