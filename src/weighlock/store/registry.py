"""A repository in a registry as a store: the same promises as a folder, kept with tags.

What is where is said in ``registry_tag``; decision 9 has the reasons. Everything that is read is
digested; nothing that the registry says of itself is believed but which tags there are.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from weighlock.core.clock import Clock, system_clock, write_time
from weighlock.core.descriptor import Descriptor
from weighlock.core.digest import Digest
from weighlock.core.error import DeniedError, UndecidedError, UsageError, WeighlockError
from weighlock.core.store_reference import read_digits
from weighlock.core.text import shown
from weighlock.store.base import CREATED_ANNOTATION, child_missing, describes, subject_missing
from weighlock.store.index import ambiguous, unknown
from weighlock.store.interface import Entry
from weighlock.store.manifest import EMPTY, EMPTY_DESCRIPTOR, Manifest, write_referrer
from weighlock.store.registry_blob import RegistryBlobs
from weighlock.store.registry_list import Listed, Writer
from weighlock.store.registry_manifest import NOTHING, missing
from weighlock.store.registry_tag import Listing, tag_of
from weighlock.store.threads import in_order
from weighlock.transport.download import Downloader
from weighlock.transport.registry.header import invalid_answer
from weighlock.transport.registry.manifest import ManifestBytes
from weighlock.transport.registry.referrer import join
from weighlock.transport.registry.referrer_list import ReferrerLists
from weighlock.transport.registry.repository import Repository

_REFUSALS: Final = frozenset({"request_refused", "access_refused"})


class RegistryStore(RegistryBlobs):
    """A ``Store``: see ``interface.py`` for what each method promises. For any thread.

    Args:
        repository: where.
        downloader: how large blobs are read.
        clock: what new evidence and the list are dated by.
        lists: whether this is an environment, in which everything gets a tag of ours; a repository that
            belongs to others is left as other tools would leave it, and names are its tags as they are.
    """

    def __init__(
        self,
        repository: Repository,
        downloader: Downloader,
        clock: Clock = system_clock,
        *,
        lists: bool = True,
    ) -> None:
        super().__init__(repository, downloader)
        self._clock = clock
        self._lists = lists
        self._writer = Writer(clock)
        self._referrers = ReferrerLists(repository)
        self._said_empty = False  # whether the registry's last word about the tags was that there are none

    # --- manifests ---

    def put_manifest(self, raw: bytes, *, name: str | None = None) -> Descriptor:
        """Store and list a manifest."""
        return self.put(raw, None if name is None else self._tag_of(name))

    def put(self, raw: bytes, tag: str | None) -> Descriptor:
        """Store and list a manifest under any tag; raises as ``put_manifest``."""
        manifest = Manifest.parse(raw)
        self._require(manifest)
        self._said_empty = False  # it is not any more
        if self._lists:
            self._list(manifest)
        elif manifest.subject is not None:
            self.repository.put_referrer(manifest.raw, manifest.media_type)
        elif tag is None:
            self.manifests.put(manifest, manifest.digest)
        if tag is not None:
            self.manifests.put(manifest, tag)
        return manifest.descriptor

    def tag(self, digest: Digest, name: str) -> None:
        """Give a manifest a name."""
        tag = self._tag_of(name)
        manifest = self.manifests.find(digest)
        if manifest is None:
            raise self._unknown(str(digest))
        self.manifests.put(manifest, tag)
        self._said_empty = False

    def untag(self, name: str) -> None:
        """Take a name away."""
        tag = self._tag_of(name)
        if self.manifests.at(tag) is None:
            raise self._unknown(name)
        self._drop_tag(tag)

    def delete(self, digest: Digest) -> None:
        """Delete a manifest and all evidence about it, the subject first."""
        manifest = self.manifests.find(digest)
        if manifest is None:
            raise self._unknown(str(digest))
        doomed = [manifest]
        for each in doomed:
            known = {other.digest for other in doomed}
            doomed += [
                self.manifests.get(referrer.digest)
                for referrer in self.referrers(each.digest)
                if referrer.digest not in known
            ]
        for each in doomed:
            self._delete(each)
        gone = {each.digest for each in doomed}
        for listing in self._listed().every:
            if listing.digest in gone:
                self._drop_tag(listing.tag)  # some registries leave the tags of what they delete

    def resolve(self, text: str) -> Descriptor:
        """Return the manifest that ``text`` stands for."""
        digits = read_digits(text)
        if digits is None:
            return self.manifests.get(self._resolve_name(text)).descriptor
        if len(digits) < len(EMPTY_DESCRIPTOR.digest.hex):
            return self.manifests.get(self._complete(text, digits)).descriptor
        manifest = self.manifests.find(Digest("sha256", digits))
        if manifest is None:
            raise self._unknown(text)
        return manifest.descriptor

    def resolve_tag(self, tag: str) -> Digest:
        """Return the digest that any tag is on now; raises UsageError ``artifact_unknown``."""
        read = self.manifests.at(tag)
        if read is None:
            raise self._unknown(tag)
        return read.digest

    def find_name(self, name: str) -> Digest | None:
        """Return the digest that a name is on now, or None if it is on nothing; only its tag is asked for."""
        read = self.manifests.at(self._tag_of(name))
        return None if read is None else read.digest

    def entries(self) -> list[Entry]:
        """Return all listed manifests, and what others gave a name here; raises DeniedError ``blob_missing``."""
        listed = self._listed()
        read = dict(zip(listed.names.values(), in_order(self._at_name, listed.names), strict=True))
        named: dict[Digest, ManifestBytes] = {}
        names: dict[Digest, list[str]] = {}
        for name, found in read.items():
            if found is not None:
                named[found.digest] = found
                names.setdefault(found.digest, []).append(name)
        entries = {}
        for manifest in in_order(self.manifest_left, listed.listings):
            if manifest is not None:
                subject = manifest.subject.digest if manifest.subject else None
                its_names = tuple(names.get(manifest.digest, ()))
                entries[manifest.digest] = Entry(manifest.descriptor, its_names, subject)
        others = [
            self._entry_of(named[digest], tuple(names[digest])) for digest in named if digest not in entries
        ]
        return [*entries.values(), *others]

    def find(self, artifact_type: str) -> list[Digest]:
        """Return the listed manifests of one type; what others pushed under a name only is not among them."""
        read = in_order(self.manifests.get, [each.digest for each in self._listed().of_type(artifact_type)])
        return [each.digest for each in read if each.artifact_type == artifact_type]

    # --- evidence ---

    def attach(
        self,
        subject: Descriptor,
        artifact_type: str,
        payload: bytes,
        payload_media_type: str,
        annotations: Mapping[str, str] | None = None,
    ) -> Descriptor:
        """Store ``payload`` as a referrer of ``subject``; it says when, unless ``annotations`` do."""
        self._require_subject(subject)
        blob = self.write_blob([payload])
        self.write_blob([EMPTY], expected=EMPTY_DESCRIPTOR.digest)
        layer = Descriptor(payload_media_type, blob.digest, blob.size)
        made = {CREATED_ANNOTATION: write_time(self._clock()), **(annotations or {})}
        return self.put_manifest(write_referrer(subject, artifact_type, layer, made))

    def referrers(self, subject: Digest) -> list[Descriptor]:
        """Return the manifests that name ``subject``: those of the registry's lists and those of our own tags."""
        tags = self._tags() if self._lists else None
        if self._said_empty and self.manifests.find(subject) is not None:
            raise _contradiction(str(subject))
        own = Listed.of(tags).about(subject) if tags is not None else []
        listed = {each.digest for each in self._referrers.read(subject, tags)}
        times = {each.digest: each.time_ms for each in own}
        digests = [*sorted(listed), *(times.keys() - listed)]
        found = in_order(lambda each: self._evidence(each, subject), digests)  # without what it consists of
        return sorted(
            found,
            key=lambda each: (
                each.annotations.get(CREATED_ANNOTATION, ""),
                times.get(each.digest, 0),
                each.digest,
            ),
        )

    def manifest_left(self, listing: Listing) -> Manifest | None:
        """Return what is listed, or None if its tag says that it was taken away; raises DeniedError ``blob_missing``.

        Only for showing what is there. Whoever may push can move a tag, and the registry's garbage collection
        then takes the manifest away: for what is looked for, gone is gone, and may have been a revocation.
        """
        manifest = self.manifests.find(listing.digest)
        if manifest is None and self._resolves_to_nothing(listing.tag):
            return None
        if manifest is None:
            raise missing(listing.digest)
        return manifest

    # --- how it is done ---

    def _evidence(self, digest: Digest, subject: Digest) -> Descriptor:
        manifest = self.manifests.get(digest)
        if manifest.subject is None or manifest.subject.digest != subject:
            raise DeniedError(
                "index_damaged",
                f"the repository lists {digest} as evidence about {subject}, and it is not",
                hint="find out who listed it: a tag, or an entry of the list of referrers, is wrong",
            )
        return manifest.descriptor

    def _tag_of(self, name: str) -> str:
        return tag_of(name) if self._lists else name  # other people's tags are no names of ours

    def _listed(self) -> Listed:
        return Listed.of(self._tags())

    def _tags(self) -> list[str]:
        tags = self.repository.tags()
        self._said_empty = not tags
        return tags

    def _resolves_to_nothing(self, tag: str) -> bool:
        read = self.manifests.ask(tag)
        return read is not None and read.digest == NOTHING.digest

    def _resolve_name(self, name: str) -> Digest:
        read = self.manifests.at(self._tag_of(name))
        if read is None:
            raise self._unknown(name)
        if self._said_empty:  # then nobody was told of a revocation that is there, either
            raise _contradiction(name)
        return self.manifests.keep(read).digest

    def _complete(self, text: str, digits: str) -> Digest:
        listed = self._listed()
        fitting = {each.digest for each in listed.listings if each.digest.hex.startswith(digits)}
        if not fitting:
            read = in_order(self.manifests.at, listed.names)
            fitting = {
                each.digest for each in read if each is not None and each.digest.hex.startswith(digits)
            }
        if len(fitting) > 1:
            raise ambiguous(text, sorted(fitting))
        if not fitting:
            raise unknown(text, sorted(listed.names.values()))
        return fitting.pop()

    def _unknown(self, text: str) -> UsageError:
        return unknown(text, sorted(self._listed().names.values()))

    def _at_name(self, tag: str) -> ManifestBytes | None:
        read = self.manifests.at(tag)
        return None if read is None else self.manifests.keep_if_known(read)

    def _entry_of(self, read: ManifestBytes, names: tuple[str, ...]) -> Entry:
        manifest = self.manifests.kept(read.digest)
        if manifest is None:
            return Entry(read.descriptor, names)
        subject = manifest.subject.digest if manifest.subject else None
        return Entry(manifest.descriptor, names, subject)

    def _require(self, manifest: Manifest) -> None:
        blobs = {blob.digest: blob for blob in manifest.blobs}
        in_order(self._require_blob, blobs.values())
        for child in manifest.children:
            found = self.manifests.find(child.descriptor.digest)
            if found is None or not describes(child.descriptor, found.descriptor):
                raise child_missing(child.descriptor)
        if manifest.subject is not None:
            self._require_subject(manifest.subject)

    def _require_blob(self, blob: Descriptor) -> None:
        size = self.known_size(blob.digest)
        if size is None:
            raise missing(blob.digest)
        self.check_size(blob.digest, blob.size, size)

    def _require_subject(self, subject: Descriptor) -> None:
        found = self.manifests.find(subject.digest)
        if found is None or not describes(subject, found.descriptor):
            raise subject_missing(subject)

    def _list(self, manifest: Manifest) -> None:
        """Give a manifest its tag of ours, unless it has one; and see to it that others find a referrer."""
        listing = None
        if self.manifests.find(manifest.digest) is not None:
            listing = self._listed().find(manifest)
            if listing is not None and manifest.subject is None:
                return
        listing = listing or self._writer.new(manifest)
        indexed = self.manifests.put(manifest, listing.tag)
        if manifest.subject is not None and not indexed:
            self._tell_others(manifest.subject.digest)

    def _tell_others(self, subject: Digest) -> None:
        """Put all that our tags know into the list of referrers that other tools read."""
        try:
            # asked again after each writing, so that the last of several writers leaves a list that has all
            self._referrers.change(subject, lambda before: join(before, self._lacking(subject, before)))
        except UndecidedError as error:
            if error.code != "referrers_conflict":
                raise
            # our tags have it; who wrote meanwhile, or writes next, puts it into the list

    def _lacking(self, subject: Digest, listed: Iterable[Descriptor]) -> list[Descriptor]:
        known = {each.digest for each in listed}
        own = [each for each in self._listed().about(subject) if each.digest not in known]
        return [each.descriptor for each in in_order(self.manifest_left, own) if each is not None]

    def _delete(self, manifest: Manifest) -> None:
        try:
            self.repository.delete_manifest(manifest.digest)
        except WeighlockError as error:
            if error.code == "remote_missing":
                return
            if error.code not in _REFUSALS:
                raise
            raise UndecidedError(
                "delete_refused",
                f"the registry does not delete the manifest {manifest.digest}",
                hint="whoever runs it can allow that, or delete it there; for docker-registry it is "
                "REGISTRY_STORAGE_DELETE_ENABLED=true",
            ) from error
        finally:
            self.manifests.forget(manifest.digest)
        self._referrers.change(manifest.digest, lambda _: [])
        if manifest.subject is not None:
            self._referrers.remove(manifest.subject.digest, manifest.digest)

    def _drop_tag(self, tag: str) -> None:
        """Delete a tag, or move it to nothing where the registry cannot."""
        try:
            if self.repository.delete_tag(tag):
                return
        except WeighlockError as error:
            if error.code == "remote_missing":
                return
            if error.code not in _REFUSALS:
                raise
        self.write_blob([EMPTY], expected=EMPTY_DESCRIPTOR.digest)
        self.manifests.put(NOTHING, tag)


def _contradiction(text: str) -> DeniedError:
    return invalid_answer(f"it says that the repository has no tags, and has {shown(text)}")
