"""Read a published data folder from the Hub, and hold its documents to its manifest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from text2json.batches import Digest
from text2json.data import PREFERRED_SPLIT, parquet_samples
from text2json.errors import DataError, HubError, did_you_mean
from text2json.hub import HubClient, MissingFile, Offline
from text2json.manifest import MANIFEST, Entry, Manifest, frozen, read_manifest, versions
from text2json.schemas.entry import folder_name
from text2json.schemas.sample import Sample


def published_samples(text: str, hub: HubClient) -> Iterator[Sample] | None:
    """Return the samples of `ORG/NAME@REVISION:CONFIG/SPLIT`, or None if the repository holds no manifest.

    Each sample is handed on as it is read; an error after the last one says if they are not what the manifest says.

    Raises:
        DataError: there is no such repository, configuration or split, or it is not the version that its tag says.
    """
    head, _, choice = text.partition(":")
    identifier, _, revision = head.partition("@")
    try:
        manifest = read_manifest(_file(hub, identifier, MANIFEST, revision or None))
    except (MissingFile, Offline):  # of another layout; or it may be in the cache of `datasets`
        return None
    except HubError as error:
        raise _unloadable(text, error) from error
    config, split, entry = _chosen(manifest, choice, text)
    _check_version(manifest, revision, config, split, entry, text)
    try:
        file = _file(hub, identifier, f"{config}/{split}.parquet", revision or None)
    except HubError as error:
        raise _unloadable(text, error) from error
    return _checked(file, entry, text)


def _file(hub: HubClient, identifier: str, name: str, revision: str | None) -> Path:
    return Path(hub.ask(lambda: hub.api.hf_hub_download(identifier, name, repo_type="dataset", revision=revision)))


def _unloadable(text: str, error: HubError) -> DataError:
    return DataError(f"cannot be loaded: {error}", file=text,
                     remedy="check the id, or give a local folder or JSONL file")  # fmt: skip


def _chosen(manifest: Manifest, choice: str, text: str) -> tuple[str, str, Entry]:
    """Return the configuration and split that `choice`, `config` or `config/split`, names."""
    config, _, split = choice.partition("/")
    configs = manifest.configs
    if not config and len(configs) > 1:
        raise DataError("holds several configurations", file=text, remedy=f"add one of :{', :'.join(sorted(configs))}")
    config = config or next(iter(configs))
    if config not in configs:
        raise DataError(f"no configuration {config!r}", file=text, remedy=did_you_mean(config, configs))
    splits = configs[config]
    split = split or (PREFERRED_SPLIT if PREFERRED_SPLIT in splits else next(iter(splits)))
    if split not in splits:
        raise DataError(f"no split {split!r} of {config}", file=text, remedy=did_you_mean(split, splits))
    if folder_name(config) != config or folder_name(split) != split:  # a stranger's manifest names files for us
        raise DataError(f"the manifest names {config!r}/{split!r}, which is no file's name", file=text)
    return config, split, splits[split]


def _check_version(manifest: Manifest, revision: str, config: str, split: str, entry: Entry, text: str) -> None:
    """Refuse data that calls itself a frozen version and is none."""
    known = versions()
    if revision in known and manifest.version != revision:
        raise DataError(f"the tag says version {revision}, the manifest {manifest.version}", file=text,
                        remedy="tell who published it")  # fmt: skip
    if manifest.version in known:
        right = frozen(manifest.version).configs.get(config, {}).get(split)
        if right is None or right.sha256 != entry.sha256:
            raise DataError(f"{config}/{split} is not that of version {manifest.version}", file=text,
                            remedy="tell who published it; `text2json generate --version` makes it")  # fmt: skip


def _checked(file: Path, entry: Entry, text: str) -> Iterator[Sample]:
    digest = Digest()
    for sample in parquet_samples(file):
        digest.add(sample)
        yield sample
    if (digest.hexdigest(), digest.count) != (entry.sha256, entry.samples):
        raise DataError(f"the documents have sha256 {digest.hexdigest()}, the manifest says {entry.sha256}", file=text,
                        remedy="fetch it again, or tell who published it")  # fmt: skip
