"""An S3 server on the loopback address that can fail or answer slowly."""

import os
import threading
import time

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class S3Server:
    """A server with one bucket, called ``bucket``.

    Attributes:
        failed: number of requests answered with an error.
    """

    def __init__(self):
        import pyarrow.fs
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        self.failed = 0
        self._lock = threading.Lock()
        self.misbehave()
        self._app = DomainDispatcherApplication(create_backend_app)
        os.environ.update(ENVIRONMENT)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{self._server.port}"
        self._files = pyarrow.fs.S3FileSystem(
            endpoint_override=host, scheme="http", region="us-east-1", allow_bucket_creation=True
        )
        self._files.create_dir("bucket")
        self._options = f"?endpoint_override={host}&scheme=http&region=us-east-1"

    def misbehave(self, failures=(), slow=()):
        """Let some of the next requests for objects fail or take longer.

        Args:
            failures: numbers, from 1, of the requests that are answered with an error.
            slow: numbers, from 1, of the requests that are answered after a second.
        """
        self._failures, self._slow, self._count = failures, slow, 0

    def address(self, name):
        """The address of a prefix."""
        return f"s3://bucket/{name}{self._options}"

    def write(self, name, content):
        """Store an object."""
        with self._files.open_output_stream(f"bucket/{name}") as stream:
            stream.write(content)

    def files(self, prefix):
        """Name below the prefix → content."""
        from pyarrow.fs import FileSelector

        start = f"bucket/{prefix}/"
        selector = FileSelector(start[:-1], recursive=True, allow_not_found=True)
        found = [one.path for one in self._files.get_file_info(selector) if one.is_file]
        return {path[len(start) :]: self._files.open_input_file(path).read() for path in found}

    def close(self):
        """Stop serving."""
        self._server.shutdown()

    def _answer(self, environ, start_response):
        if environ["PATH_INFO"].count("/") > 2 and environ["REQUEST_METHOD"] in ("GET", "PUT"):
            with self._lock:
                self._count += 1
                number = self._count
            if number in self._slow:
                time.sleep(1)
            if number in self._failures:
                self.failed += 1
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start_response("503 Slow Down", [("Content-Length", "0")])
                return [b""]
        return self._app(environ, start_response)
