"""An append-only Merkle log of everything that was decided. No I/O: ``service/log_folder.py`` has the files.

The order of things: an ``Entry`` becomes bytes, the bytes a leaf of the tree (``tree``), the tree's root with
its size a ``TreeHead``, and a signed head a note (``note``) that only ``verify_checkpoint`` turns into a
``Checkpoint``. ``audit`` compares all entries with a checkpoint and with what was remembered of earlier ones.
"""
