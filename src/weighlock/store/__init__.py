"""Where models live: one OCI image layout per environment.

``LayoutStore`` keeps artifacts, evidence, candidates and releases in a folder that
other OCI tools can read; ``MemoryStore`` is the same in memory. Both are a ``Store``.

    with LayoutStore.open(folder) as store:
        blob = store.write_blob(chunks, expected=digest)   # under a lease, verified
        model = store.put_manifest(manifest, name="minilm")  # every blob must be there
        store.attach(model, BUNDLE, bundle, BUNDLE)          # evidence, as a referrer
        store.referrers(model.digest)

What has a name in the store was digested under that name: bytes are written to a
partial file, digested in the same pass, synchronised and only then renamed.
"""
