"""A Kafka client for tests: what they need of librdkafka, by ctypes. The server links to the library, so it is there."""
import ctypes
from ctypes import (POINTER, Structure, byref, c_char_p, c_int, c_int32, c_int64, c_size_t, c_ssize_t, c_void_p,
                    create_string_buffer)
import time

END = -1001  # RD_KAFKA_OFFSET_INVALID: nothing committed
EARLIEST, LATEST = -2, -1
ANY_PARTITION = -1
PARTITION_EOF, QUEUE_FULL, TIMED_OUT = -191, -184, -185
COPY = 2  # RD_KAFKA_MSG_F_COPY


class KafkaError(Exception):
    pass


class _Message(Structure):
    _fields_ = [("err", c_int), ("topic", c_void_p), ("partition", c_int32), ("payload", c_void_p), ("len", c_size_t),
                ("key", c_void_p), ("key_len", c_size_t), ("offset", c_int64), ("private", c_void_p)]


class _Place(Structure):
    _fields_ = [("topic", c_char_p), ("partition", c_int32), ("offset", c_int64), ("metadata", c_void_p),
                ("metadata_size", c_size_t), ("opaque", c_void_p), ("err", c_int), ("private", c_void_p)]


class _Places(Structure):
    _fields_ = [("count", c_int), ("size", c_int), ("elements", POINTER(_Place))]


_REPORT = ctypes.CFUNCTYPE(None, c_void_p, POINTER(_Message), c_void_p)


def _load():
    try:
        library = ctypes.CDLL("librdkafka.so.1")
    except OSError:
        return None

    def declare(result, name, *arguments):
        function = getattr(library, "rd_kafka_" + name)
        function.restype, function.argtypes = result, arguments

    text, handle = c_char_p, c_void_p
    places = POINTER(_Places)
    declare(handle, "conf_new")
    declare(c_int, "conf_set", handle, text, text, text, c_size_t)
    declare(None, "conf_set_dr_msg_cb", handle, _REPORT)
    declare(None, "conf_set_log_cb", handle, c_void_p)
    declare(handle, "new", c_int, handle, text, c_size_t)
    declare(None, "destroy", handle)
    declare(text, "err2str", c_int)
    declare(c_int, "last_error")
    declare(c_int, "poll", handle, c_int)
    declare(c_int, "flush", handle, c_int)
    declare(c_int, "outq_len", handle)
    declare(handle, "topic_new", handle, text, handle)
    declare(None, "topic_destroy", handle)
    declare(text, "topic_name", handle)
    declare(c_int, "produce", handle, c_int32, c_int, text, c_size_t, text, c_size_t, handle)
    library.rd_kafka_producev.restype = c_int  # of any number of arguments
    declare(c_int, "query_watermark_offsets", handle, text, c_int32, POINTER(c_int64), POINTER(c_int64), c_int)
    declare(places, "topic_partition_list_new", c_int)
    declare(POINTER(_Place), "topic_partition_list_add", places, text, c_int32)
    declare(None, "topic_partition_list_destroy", places)
    declare(c_int, "committed", handle, places, c_int)
    declare(c_int, "commit", handle, places, c_int)
    declare(c_int, "assign", handle, places)
    declare(c_int, "consumer_close", handle)
    declare(POINTER(_Message), "consumer_poll", handle, c_int)
    declare(None, "message_destroy", POINTER(_Message))
    declare(c_int64, "message_timestamp", POINTER(_Message), POINTER(c_int))
    declare(c_int, "message_headers", POINTER(_Message), POINTER(c_void_p))
    declare(c_int, "header_get_all", handle, c_size_t, POINTER(text), POINTER(c_void_p), POINTER(c_size_t))
    declare(handle, "queue_new", handle)
    declare(None, "queue_destroy", handle)
    declare(handle, "queue_poll", handle, c_int)
    declare(c_int, "event_error", handle)
    declare(text, "event_error_string", handle)
    declare(None, "event_destroy", handle)
    declare(handle, "NewTopic_new", text, c_int, c_int, text, c_size_t)
    declare(c_int, "NewTopic_set_config", handle, text, text)
    declare(handle, "DeleteTopic_new", text)
    declare(handle, "NewPartitions_new", text, c_size_t, text, c_size_t)
    declare(handle, "DeleteRecords_new", places)
    for verb, thing in (("CreateTopics", "NewTopic"), ("DeleteTopics", "DeleteTopic"),
                        ("CreatePartitions", "NewPartitions")):
        declare(None, verb, handle, POINTER(c_void_p), c_size_t, handle, handle)
        declare(handle, f"event_{verb}_result", handle)
        declare(POINTER(c_void_p), f"{verb}_result_topics", handle, POINTER(c_size_t))
        declare(None, f"{thing}_destroy", handle)
    declare(None, "DeleteRecords", handle, POINTER(c_void_p), c_size_t, handle, handle)
    declare(handle, "event_DeleteRecords_result", handle)
    declare(places, "DeleteRecords_result_offsets", handle)
    declare(None, "DeleteRecords_destroy", handle)
    declare(c_int, "topic_result_error", handle)
    declare(text, "topic_result_error_string", handle)
    return library


_lib = _load()
AVAILABLE = _lib is not None


def _check(code, what):
    if code:
        raise KafkaError(f"{what}: {_lib.rd_kafka_err2str(code).decode()}")


class _Handle:
    """A client of librdkafka's; settings as it names them, a dot written as an underscore where keywords need it."""

    def __init__(self, kind, bootstrap, settings, on_report=None):
        conf = _lib.rd_kafka_conf_new()
        _lib.rd_kafka_conf_set_log_cb(conf, None)
        self.reason = create_string_buffer(512)
        for name, value in {"bootstrap.servers": bootstrap, **settings}.items():
            if isinstance(value, bool):
                value = str(value).lower()
            if _lib.rd_kafka_conf_set(conf, name.encode(), str(value).encode(), self.reason, 512):
                raise KafkaError(self.reason.value.decode())
        self.on_report = on_report and _REPORT(on_report)  # kept: C calls it
        if on_report:
            _lib.rd_kafka_conf_set_dr_msg_cb(conf, self.on_report)
        self.handle = _lib.rd_kafka_new(kind, conf, self.reason, 512)
        if not self.handle:
            raise KafkaError(self.reason.value.decode())

    def close(self):
        if self.handle:
            _lib.rd_kafka_destroy(self.handle)
            self.handle = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Producer(_Handle):
    """Idempotent unless told otherwise: each message is in its partition once, in order, whatever broker and network do.

    Waits when librdkafka's queue is full. What could not be delivered is in `failed` after flush().
    """

    def __init__(self, bootstrap, **settings):
        self.failed, self.topics = [], {}
        merged = {"enable.idempotence": True, "linger.ms": 20, "queue.buffering.max.messages": 200000,
                  "delivery.report.only.error": True, **_dotted(settings)}
        super().__init__(0, bootstrap, merged, self._report)

    def _report(self, _, message, __):
        self.failed.append((message.contents.err, _bytes(message.contents.payload, message.contents.len)))

    def send(self, topic, value, key=None, partition=ANY_PARTITION, headers=None, timestamp_ms=None):
        """`value` None is a tombstone; `headers` a list of (name, bytes) or a dictionary."""
        encoded = topic.encode()
        while True:
            if headers or timestamp_ms is not None:
                code = self._send_whole(encoded, value, key, partition, headers or (), timestamp_ms)
            else:
                known = self.topics.get(topic)
                if not known:
                    known = self.topics[topic] = _lib.rd_kafka_topic_new(self.handle, encoded, None)
                size = len(value) if value is not None else 0
                code = _lib.rd_kafka_produce(known, partition, COPY, value, size, key, len(key) if key else 0, None)
                code = code and _lib.rd_kafka_last_error()
            if code != QUEUE_FULL:
                break
            _lib.rd_kafka_poll(self.handle, 10)
        _check(code, f"produce to {topic}")

    def _send_whole(self, topic, value, key, partition, headers, timestamp_ms):
        arguments = [c_int(1), c_char_p(topic), c_int(3), c_int32(partition), c_int(7), c_int(COPY)]
        if value is not None:
            arguments += [c_int(4), c_char_p(value), c_size_t(len(value))]
        if key is not None:
            arguments += [c_int(5), c_char_p(key), c_size_t(len(key))]
        if timestamp_ms is not None:
            arguments += [c_int(8), c_int64(timestamp_ms)]
        for name, text in headers.items() if isinstance(headers, dict) else headers:
            text = text.encode() if isinstance(text, str) else text
            arguments += [c_int(9), c_char_p(name.encode()), c_char_p(text), c_ssize_t(len(text))]
        return _lib.rd_kafka_producev(c_void_p(self.handle), *arguments, c_int(0))

    def flush(self, seconds=60):
        _check(_lib.rd_kafka_flush(self.handle, int(seconds * 1000)), f"{self.left()} messages left")
        if self.failed:
            code, value = self.failed[0]
            _check(code, f"{len(self.failed)} messages not delivered, the first {value[:80]!r}")

    def left(self):
        return _lib.rd_kafka_outq_len(self.handle)

    def close(self):
        for topic in self.topics.values():
            _lib.rd_kafka_topic_destroy(topic)
        self.topics = {}
        super().close()


class Message:
    """What was read: topic, partition, offset, timestamp_ms, key and value (bytes or None), headers [(name, bytes)]."""

    __slots__ = ("topic", "partition", "offset", "timestamp_ms", "key", "value", "headers")

    def __init__(self, raw):
        m = raw.contents
        self.topic = _lib.rd_kafka_topic_name(m.topic).decode()
        self.partition, self.offset = m.partition, m.offset
        self.timestamp_ms = _lib.rd_kafka_message_timestamp(raw, None)
        self.key, self.value = _bytes(m.key, m.key_len), _bytes(m.payload, m.len)
        self.headers = []
        found = c_void_p()
        if not _lib.rd_kafka_message_headers(raw, byref(found)):
            name, value, size = c_char_p(), c_void_p(), c_size_t()
            while not _lib.rd_kafka_header_get_all(found, len(self.headers), byref(name), byref(value), byref(size)):
                self.headers.append((name.value.decode(), _bytes(value.value, size.value)))

    def header(self, name):
        """The last one of that name as text, or None."""
        found = [value for n, value in self.headers if n == name]
        return found[-1].decode() if found else None

    def __repr__(self):
        return f"{self.topic}[{self.partition}]@{self.offset} {self.headers} {self.value!r}"


def read(bootstrap, topic, partitions, start=EARLIEST, seconds=30, **settings):
    """All messages that the partitions (a number, or a list) hold when it comes to their ends, without any group's help."""
    partitions = list(range(partitions)) if isinstance(partitions, int) else list(partitions)
    out, ended = [], set()
    merged = {"group.id": "reader", "enable.auto.commit": False, "enable.partition.eof": True,
              "auto.offset.reset": "earliest", "isolation.level": "read_committed", "fetch.wait.max.ms": 10,
              **_dotted(settings)}
    with _Handle(1, bootstrap, merged) as consumer:
        with _places(topic, {p: start for p in partitions}) as places:
            _check(_lib.rd_kafka_assign(consumer.handle, places), "assign")
        deadline = time.monotonic() + seconds
        while len(ended) < len(partitions):
            raw = _lib.rd_kafka_consumer_poll(consumer.handle, 100)
            if raw:
                code = raw.contents.err
                if code == PARTITION_EOF:
                    ended.add(raw.contents.partition)
                elif code == 0:
                    out.append(Message(raw))
                elif code > 0:  # the broker's word; what librdkafka itself meets on the way it tries again
                    _lib.rd_kafka_message_destroy(raw)
                    _check(code, f"read {topic}")
                _lib.rd_kafka_message_destroy(raw)
            if time.monotonic() > deadline:
                raise KafkaError(f"read {topic}: no end of {set(partitions) - ended} after {seconds} s")
        _lib.rd_kafka_consumer_close(consumer.handle)
    return out


class Admin(_Handle):
    """Topics and offsets. The mock cluster knows offsets and watermarks only."""

    def __init__(self, bootstrap, **settings):
        self.bootstrap, self.settings = bootstrap, _dotted(settings)
        super().__init__(0, bootstrap, self.settings)

    def create_topic(self, name, partitions=1, config=None):
        new = _lib.rd_kafka_NewTopic_new(name.encode(), partitions, 1, self.reason, 512)
        if not new:
            raise KafkaError(self.reason.value.decode())
        for key, value in (config or {}).items():
            _lib.rd_kafka_NewTopic_set_config(new, key.encode(), str(value).encode())
        self._ask("CreateTopics", "NewTopic", new, name)

    def delete_topic(self, name):
        self._ask("DeleteTopics", "DeleteTopic", _lib.rd_kafka_DeleteTopic_new(name.encode()), name)

    def add_partitions(self, name, total):
        try:
            self._ask("CreatePartitions", "NewPartitions",
                      _lib.rd_kafka_NewPartitions_new(name.encode(), total, self.reason, 512), name)
        except KafkaError as error:  # a broker that was killed had done it and not said so
            if f"already has {total} partition" not in str(error):
                raise

    def delete_records(self, name, before):
        """`before`: {partition: first offset that stays}; the log begins there from now on."""
        with _places(name, before) as places:
            self._ask("DeleteRecords", "DeleteRecords", _lib.rd_kafka_DeleteRecords_new(places), name)

    def _ask(self, verb, thing, what, name):
        queue = _lib.rd_kafka_queue_new(self.handle)
        getattr(_lib, "rd_kafka_" + verb)(self.handle, (c_void_p * 1)(what), 1, None, queue)
        event = _lib.rd_kafka_queue_poll(queue, 60000)
        try:
            if not event:
                raise KafkaError(f"{verb} {name}: no answer")
            if _lib.rd_kafka_event_error(event):
                raise KafkaError(f"{verb} {name}: {_lib.rd_kafka_event_error_string(event).decode()}")
            result = getattr(_lib, f"rd_kafka_event_{verb}_result")(event)
            if verb == "DeleteRecords":
                places = _lib.rd_kafka_DeleteRecords_result_offsets(result).contents
                for i in range(places.count):
                    _check(places.elements[i].err, f"{verb} {name}[{places.elements[i].partition}]")
            else:
                count = c_size_t()
                for topic in getattr(_lib, f"rd_kafka_{verb}_result_topics")(result, byref(count))[:count.value]:
                    if _lib.rd_kafka_topic_result_error(topic):
                        raise KafkaError(f"{verb} {name}: {_lib.rd_kafka_topic_result_error_string(topic).decode()}")
        finally:
            if event:
                _lib.rd_kafka_event_destroy(event)
            getattr(_lib, f"rd_kafka_{thing}_destroy")(what)
            _lib.rd_kafka_queue_destroy(queue)

    def watermarks(self, name, partition):
        """First offset that is there, and the one the next message gets."""
        low, high = c_int64(), c_int64()
        _check(_lib.rd_kafka_query_watermark_offsets(self.handle, name.encode(), partition, byref(low), byref(high), 30000),
               f"watermarks of {name}[{partition}]")
        return low.value, high.value

    def committed(self, group, name, partitions):
        """{partition: next offset the group would read, or None}."""
        with _Handle(1, self.bootstrap, {**self.settings, "group.id": group}) as consumer:
            with _places(name, {p: END for p in range(partitions)}) as places:
                _check(_lib.rd_kafka_committed(consumer.handle, places, 30000), f"committed of {group}")
                found = [places.contents.elements[i] for i in range(places.contents.count)]
                return {p.partition: p.offset if p.offset >= 0 else None for p in found}

    def commit(self, group, name, offsets):
        """Moves the group's offsets, {partition: offset}; the broker refuses while the group has members."""
        with _Handle(1, self.bootstrap, {**self.settings, "group.id": group}) as consumer:
            with _places(name, offsets) as places:
                _check(_lib.rd_kafka_commit(consumer.handle, places, 0), f"commit of {group}")


class _places:
    def __init__(self, name, offsets):
        self.list = _lib.rd_kafka_topic_partition_list_new(len(offsets))
        for partition, offset in offsets.items():
            _lib.rd_kafka_topic_partition_list_add(self.list, name.encode(), partition).contents.offset = offset

    def __enter__(self):
        return self.list

    def __exit__(self, *_):
        _lib.rd_kafka_topic_partition_list_destroy(self.list)


def _bytes(address, size):
    return ctypes.string_at(address, size) if address else None


def _dotted(settings):
    return {name.replace("_", "."): value for name, value in settings.items()}
