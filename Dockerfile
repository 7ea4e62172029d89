# One image for the worker, for beat, for the operator's `txtproof`, and for the rehearsal's world.
FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/txtproof
COPY requirements.txt /build/
RUN /opt/txtproof/bin/pip install --require-hashes -r /build/requirements.txt
COPY pyproject.toml README.md LICENSE /build/
COPY src /build/src
RUN pip wheel --no-deps --wheel-dir /build/dist /build \
    && /opt/txtproof/bin/pip install --no-deps /build/dist/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin txtproof
COPY --from=build /opt/txtproof /opt/txtproof
COPY config /app/config
COPY tasks /app/tasks
COPY worker /app/worker
WORKDIR /app
ENV PATH=/opt/txtproof/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
# a warm shutdown: what is claimed is finished or its lease runs out
STOPSIGNAL SIGTERM
CMD ["celery", "-A", "worker.app", "worker"]
