#!/usr/bin/env python3
"""A peer of the network in Python: JSON framing, no TLS, one connection, the standard library alone.

    peer.py HOST:PORT SECRET NAME GROUP

connects to a node, asks it for the members of GROUP, monitors those that the node holds, sends each ["hello", own port],
and prints what comes back, until all are dead. See writing-a-peer.md.
"""
import base64, hmac, json, os, socket, sys


def frames(stream):
    """Cuts messages from the stream: JSON arrays with nothing between them. Looks at every byte once."""
    message, depth, in_string, escaped = bytearray(), 0, False, False
    while chunk := stream.read1(65536):
        for byte in chunk:
            message.append(byte)
            if in_string:
                in_string = escaped or byte != ord('"')
                escaped = not escaped and byte == ord("\\")
            elif byte == ord('"'):
                in_string = True
            elif byte in b"[{":
                depth += 1
            elif byte in b"]}":
                depth -= 1
                if depth <= 0:
                    yield json.loads(message)
                    message.clear()
        if len(message) > 64 << 20:
            raise ConnectionError("too long a message")


class Peer:
    def __init__(self, address, secret, name, ports):
        """Connects as the node `name`, whose ports are `ports`."""
        self.name, self.secret, self.ports = name, secret.encode("latin-1"), ports
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host.strip("[]"), int(port)), timeout=10)
        self.stream = self.socket.makefile("rb")
        self.shake_hands()
        self.socket.settimeout(None)
        self.incoming = frames(self.stream)

    def shake_hands(self):
        """Both send a greeting and a nonce at once, then a proof that they know the secret."""
        nonce = base64.b64encode(os.urandom(66))
        mine = b"aemp;1;%s;hmac_sha3_512;json\n%s\n" % (self.name.encode("ascii"), nonce)
        self.socket.sendall(mine)
        greeting, their_nonce = self.read_line(), self.read_line()
        theirs = greeting + b"\n" + their_nonce + b"\n"
        protocol, version, self.node, auths, framings = (greeting.decode("latin-1").split(";") + [""] * 5)[:5]
        if protocol != "aemp" or version != "1" or their_nonce == nonce or self.node in ("", self.name):
            raise ConnectionError(f"not a node to talk to: {greeting}")
        if "hmac_sha3_512" not in auths.split(",") or "json" not in framings.split(","):
            raise ConnectionError(f"no common language: {greeting}")
        self.socket.sendall(b"hmac_sha3_512;%s;json\n" % self.proof(mine + theirs))
        method, token, framing = (self.read_line().split(b";") + [b""] * 3)[:3]
        right = hmac.compare_digest(token, self.proof(theirs + mine))
        if not right or method != b"hmac_sha3_512" or framing != b"json":
            raise ConnectionError("the other side did not prove that it knows the secret")

    def proof(self, lines):
        """Of the four greeting lines the prover's own two come first."""
        return hmac.new(self.secret, lines, "sha3_512").hexdigest().encode()

    def read_line(self):
        line = self.stream.readline(4096)
        if not line.endswith(b"\n"):
            raise ConnectionError("closed during the handshake; most often the secrets differ")
        return line.removesuffix(b"\n").removesuffix(b"\r")

    def request(self, *message, port=""):
        """Asks the node itself, whose own port has the empty name."""
        self.socket.sendall(json.dumps([port, *message], allow_nan=False).encode())

    def send(self, port, *message):
        """Sends to a port of the node, or by way of it to a port of another node."""
        node, _, name = port.partition("#")
        self.request(*message, port=name) if node == self.node else self.request("snd", port, *message)

    def monitor(self, port):
        """Has `receive` give ("died", port, reason) when that port of the node dies, at once if it is dead."""
        self.request("mon1", port.partition("#")[2])

    def receive(self):
        """The next ("message", port, message), ("died", port, reason) or ("reply", id, result)."""
        for to, *message in (frame for frame in self.incoming if frame):
            if to in self.ports:
                return "message", f"{self.name}#{to}", message
            tag, *args = message if not to and message else [None]
            if tag == "kil0":
                return "died", f"{self.node}#{args[0]}", args[1:]
            if tag == "g_reply":
                return "reply", args[0], args[1]
            if tag == "mon1" and args[0] not in self.ports:  # those that are there never die
                self.request("kil0", args[0], "no_such_port", "no such port", f"{self.name}#{args[0]}")
            # Whatever else there is, now or later, is no reason to hang up.
        raise ConnectionError("the connection is lost, and with it all that was monitored")


def main(address, secret, name, group):
    peer, mine = Peer(address, secret, name, ports={"in"}), f"{name}#in"
    peer.request("g_slave", {group: {mine: None}})  # we are part of the network, and this is what we own
    peer.request("g_db_keys", group, "members")
    while (event := peer.receive())[0] != "reply": pass
    alive = {port for port in event[2] if port.startswith(peer.node + "#")}  # those of other nodes have to be met there
    for port in alive:
        peer.monitor(port)
        peer.send(port, "hello", mine)
    while alive:
        print(json.dumps(event := peer.receive()), flush=True)
        alive -= {event[1]} if event[0] == "died" else set()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:]) if len(sys.argv) == 5 else sys.exit(__doc__)
    except (OSError, ValueError) as error:
        sys.exit(f"peer.py: {error}")
