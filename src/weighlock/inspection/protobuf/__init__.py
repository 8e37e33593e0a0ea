"""Protobuf on the wire: messages are walked without loading the payloads that nobody looks at."""
