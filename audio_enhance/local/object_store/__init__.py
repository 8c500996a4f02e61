"""The local service's object store: presigned URLs, uploads, downloads."""
