"""Job server: the running one that --job_endpoint names, and which flags it knows."""

import grpc
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

from posebeam.transforms.errors import ConfigError

_SECONDS = 20.0


def known_flags(endpoint: str, seconds: float = _SECONDS) -> list[str]:
    """Names of the flags of its engine, e.g. parallelism of Flink's. ConfigError if nobody answers in time."""
    request = beam_job_api_pb2.DescribePipelineOptionsRequest()
    with grpc.insecure_channel(endpoint) as channel:
        try:
            service = beam_job_api_pb2_grpc.JobServiceStub(channel)
            told = service.DescribePipelineOptions(request, timeout=seconds, wait_for_ready=True)
        except grpc.RpcError as error:
            raise ConfigError(
                f"no job server answers at {endpoint} ({error.code().name}): start it, or correct --job_endpoint"
            ) from error
    return [option.name for option in told.options]
