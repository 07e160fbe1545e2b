# Container for the web page, see docs/server.md. The project's own checks do not build it.
FROM python:3.11-slim

COPY pyproject.toml setup.py README.md LICENSE /src/
COPY ppgan_mpr /src/ppgan_mpr
RUN pip install --no-cache-dir '/src[cpu,web]' && rm -r /src \
    && useradd --create-home --uid 10001 mprnet \
    && install -d -o mprnet /weights

# This volume keeps downloaded weights and compiled networks when the container is removed.
ENV PPGAN_MPR_HOME=/weights
VOLUME /weights
USER mprnet
EXPOSE 8000
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health')"]
ENTRYPOINT ["mprnet-web", "--host", "0.0.0.0"]
