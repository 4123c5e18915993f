"""The gateway's own steps of a request's way; one public function per file, named after it."""
