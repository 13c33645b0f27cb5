"""A worker as an application would write it: its agent joins and says hello over a data packet.

Usage: worker.py NAME    NAME may be empty: then it gets a job in every room.
"""

import sys

from livekit.agents import JobContext, WorkerOptions, cli
from livekit.agents.worker import JobExecutorType

NAME = sys.argv.pop(1)


async def entrypoint(ctx: JobContext):
    await ctx.connect()
    await ctx.wait_for_participant()
    await ctx.room.local_participant.publish_data(f"hello from {NAME} {ctx.job.metadata}".strip(), topic="agent")


if __name__ == "__main__":
    options = WorkerOptions(
        entrypoint_fnc=entrypoint,
        agent_name=NAME,
        job_executor_type=JobExecutorType.THREAD,
        num_idle_processes=1,
        load_threshold=float("inf"),
        port=0,
    )
    cli.run_app(options)
