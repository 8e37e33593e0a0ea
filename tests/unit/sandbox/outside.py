"""Something worth attacking: a process with sockets of every kind, which tells where they are and waits."""

import json
import os
import socket
import sys
from pathlib import Path

folder = Path(sys.argv[1])
tcp = socket.create_server(("127.0.0.1", 0))
port = tcp.getsockname()[1]
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", port))
spare = socket.create_server(("127.0.0.1", 0))
other_port = spare.getsockname()[1]
spare.close()
abstract = f"weighlock-{os.getpid()}"
stream = socket.socket(socket.AF_UNIX)
stream.bind("\0" + abstract)
stream.listen()
named = socket.socket(socket.AF_UNIX)
named.bind(str(folder / "stream"))
named.listen()
datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
datagram.bind(str(folder / "datagram"))
sys.stdout.write(
    json.dumps(
        {
            "victim": os.getpid(),
            "tcp": port,
            "other_port": other_port,
            "abstract": abstract,
            "socket_file": str(folder / "stream"),
            "datagram_file": str(folder / "datagram"),
        }
    )
    + "\n"
)
sys.stdout.flush()
sys.stdin.read()
