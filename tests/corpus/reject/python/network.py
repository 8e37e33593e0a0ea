import socket
s = socket.socket()
s.connect(('localhost', 1))
