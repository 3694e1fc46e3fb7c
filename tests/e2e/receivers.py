"""Receivers of alerts and notifications: those that note what they get, and those that behave badly."""
import json
import select
import socket
import threading
import time


class Request:
    def __init__(self, time_s, path, headers, body):
        self.time, self.path, self.headers, self.body = time_s, path, headers, body

    def json(self):
        return json.loads(self.body)


class Receiver:
    """On a port of its own. The first part of the path says how it behaves, /ok when it says nothing known:

    ok, slow (1.5 s), fail (500), busy (429 with Retry-After), wrong (400), redirect (307 to another host), garbage,
    never (no answer), endless (an answer without end), headers (headers without end), close (no answer, closed).
    A number of those can be changed: `behave` maps a path's first part to another behaviour.
    """

    def __init__(self, port=0, elsewhere="", host="127.0.0.1"):
        self.requests, self.sent, self.behave = [], 0, {}
        self.on_request = None  # called with the request before it is answered
        self.on_answered = None
        self.elsewhere = elsewhere
        self.lock = threading.Lock()
        self.closing = threading.Event()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def of(self, prefix):
        """Requests whose path begins so."""
        with self.lock:
            return [one for one in self.requests if one.path.startswith(prefix)]

    def close(self):
        self.closing.set()
        self.listener.close()

    # ---- inside

    def _accept(self):
        while not self.closing.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            stream = connection.makefile("rb")
            while not self.closing.is_set():
                try:
                    request = self._read(stream)
                    if request is None:
                        return
                    with self.lock:
                        self.requests.append(request)
                    if self.on_request:
                        self.on_request(request)
                    if not self._answer(connection, request):
                        return
                    if self.on_answered:
                        self.on_answered(request)
                except OSError:
                    return

    @staticmethod
    def _read(stream):
        line = stream.readline().decode("latin-1").split()
        if len(line) < 2:
            return None
        headers = {}
        while True:
            text = stream.readline().decode("latin-1").strip()
            if not text:
                break
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
        return Request(time.time(), line[1], headers, body)

    def _answer(self, connection, request):
        """True when the connection goes on."""
        how = request.path.split("/")[1].split("?")[0]
        how = self.behave.get(how, how)
        if how == "close":
            return False
        if how == "garbage":
            connection.sendall(b"\x00\xff this is not HTTP\r\n\r\n{]")
            return False
        if how == "never":
            self._wait(connection, 3600)
            return False
        if how == "endless":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
            self._pour(connection, b"10000\r\n" + b"x" * 65536 + b"\r\n")
            return False
        if how == "headers":
            connection.sendall(b"HTTP/1.1 200 OK\r\n")
            self._pour(connection, b"X-More: " + b"y" * 1000 + b"\r\n")
            return False
        if how == "slow":
            self._wait(connection, 1.5)
        status, more = {"fail": ("500 Internal Server Error", ""), "wrong": ("400 Bad Request", ""),
                        "busy": ("429 Too Many Requests", "Retry-After: 2\r\n"),
                        "redirect": ("307 Temporary Redirect", f"Location: {self.elsewhere}{request.path}\r\n"),
                        }.get(how, ("200 OK", ""))
        connection.sendall(f"HTTP/1.1 {status}\r\n{more}Content-Length: 2\r\n\r\n{{}}".encode())
        return True

    def _wait(self, connection, seconds):
        """Until then, or until the other side has closed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.closing.is_set():
            readable, _, _ = select.select([connection], [], [], 0.1)
            if readable and not connection.recv(1, socket.MSG_PEEK):
                raise OSError("closed by the other side")

    def _pour(self, connection, piece):
        while not self.closing.is_set():
            connection.sendall(piece)
            with self.lock:
                self.sent += len(piece)
