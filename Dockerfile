# The SDK container of Dataflow, and of any engine that starts its Python workers in containers: Beam's boot program,
# posebeam, its embedded weights. Build it from a checkout:
#   docker build --tag REGISTRY/posebeam:0.1.0 .
# Python and Beam must be those of the machine that sends the job.
# The same image is the launcher of a flex template (flex-template.json): LAUNCHER is Google's image for this Python.
ARG PYTHON=3.11
ARG BEAM=2.77.0
ARG LAUNCHER=gcr.io/dataflow-templates-base/python311-template-launcher-base:latest
# Names of their own: COPY --from takes no arguments in older builders.
FROM apache/beam_python${PYTHON}_sdk:${BEAM} AS beam
FROM ${LAUNCHER} AS launcher

FROM python:${PYTHON}-slim
ARG BEAM
WORKDIR /opt/posebeam
COPY --from=beam /opt/apache/beam /opt/apache/beam
COPY --from=launcher /opt/google/dataflow/python_template_launcher /opt/google/dataflow/python_template_launcher
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY transforms transforms
COPY models models
COPY pipelines pipelines
COPY workflows workflows
# torch's wheel brings CUDA's libraries: with the driver that Dataflow installs the same image serves GPUs.
RUN pip install --no-cache-dir --constraint constraints.txt "apache-beam[gcp]==${BEAM}" . && pip check
# The launcher runs a file: without PYTHONSAFEPATH its neighbours would stand before packages of their names.
ENV PYTHONSAFEPATH=1 FLEX_TEMPLATE_PYTHON_PY_FILE=/opt/posebeam/workflows/flex_template.py
ENTRYPOINT ["/opt/apache/beam/boot"]
