"""Large immutable files, named by their SHA-256: catalogue snapshots, feed versions, archives."""

from rekindle.engines.blobs.folder import FolderBlobs
from rekindle.engines.blobs.protocol import BlobMissing, Blobs, BlobsUnavailable

__all__ = ["BlobMissing", "Blobs", "BlobsUnavailable", "FolderBlobs"]
