"""Templates as compiled once: the first visit to a page after a start need not wait for that again."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket, FileSystemBytecodeCache
from typing_extensions import override

from erp.languages import templates

log = logging.getLogger(__name__)


class CompiledTemplates(FileSystemBytecodeCache):
    """A folder with what Jinja made of each template. Those that changed since are compiled again."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder), "%s.compiled")
        self._folder = folder
        self._made_by = f"{jinja2.__version__} {os.stat(templates.__file__).st_mtime_ns}\n"

    @override
    def get_source_checksum(self, source: str) -> str:
        return super().get_source_checksum(self._made_by + source)

    @override
    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):  # a file that cannot be read is as good as none
            super().load_bytecode(bucket)

    @override
    def dump_bytecode(self, bucket: Bucket) -> None:
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            super().dump_bytecode(bucket)
        except OSError as error:  # such as a full disk: the page is shown, and the next start compiles it again
            log.warning("A compiled template could not be kept: %s.", error)
