"""What is inside a model file, without running any of it.

Bytes in, facts out: nothing here does I/O, imports, unpickles or renders what it reads.
A parser is a generator that yields the byte range it needs and is sent those bytes
(``span``), so the same code reads a file, a member of an archive or a remote object,
and a 50 GB safetensors costs its header. The calls, in order:

1. ``inspector.inspect_file(path, size)`` reads the head and asks ``format.detect`` what
   the bytes are; the name is only a second opinion.
2. The parser of that format (``format/``) yields ranges and returns facts, or raises
   ``FormatError`` (the file breaks its format) or ``Unexamined`` (a limit was reached, or
   there is no parser).
3. The rules of that format (``rule/``) turn facts into findings; ``rule.registry`` holds
   every rule with its severity, reason and remedy.
4. ``result.InspectionResult`` gathers the files; clean means that all of it was accounted for.
"""
