"""What is wanted, what is claimed of it, and what is on its way."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sottovoce.lab import registry
from sottovoce.runs.locking import claim
from sottovoce.runs.store import RunFolder, chunk_name

if TYPE_CHECKING:
    from distributed import Future


@dataclass(frozen=True, eq=False)
class Job:
    """Members of one configuration.

    Attributes:
        experiment: the experiment.
        config: its resolved configuration.
        folder: of its run.
        members: those that are wanted.
        size: members to a chunk.
    """

    experiment: registry.Experiment
    config: Any
    folder: RunFolder
    members: range
    size: int

    def missing(self) -> list[int]:
        """Return those members that are not on disk."""
        return self.folder.missing(self.members)


class Claim:
    """Some chunks of a job, claimed at once and let go with the last of them: each claim keeps a file open.

    Args:
        job: the job.
        n_chunks: how many to claim at most.

    Attributes:
        spans: the members of each chunk; none where nothing is left to claim.
    """

    def __init__(self, job: Job, n_chunks: int) -> None:
        self._held = ExitStack()
        span = self._held.enter_context(claim(job.folder, job.members, n_chunks * job.size)) or range(0)
        self.spans = [span[first : first + job.size] for first in range(0, len(span), job.size)]
        self._out = len(self.spans)
        if not self.spans:
            self.close()

    def landed(self) -> None:
        """Count a chunk that is saved."""
        self._out -= 1
        if not self._out:
            self.close()

    def close(self) -> None:
        """Let go of what is not saved, too."""
        self._held.close()


@dataclass(eq=False)
class Flight:
    """A chunk on its way.

    Attributes:
        job: whose it is.
        span: its members.
        claim: on them.
        futures: what was asked of workers and may still be answered.
        asked_at: when the last of them was (seconds).
        overdue: how many times no answer came in time.
        failures: what came in place of the chunk.
        avoided: workers not to be asked again while there are others.
    """

    job: Job
    span: range
    claim: Claim
    futures: "list[Future]" = field(default_factory=list)
    asked_at: float = 0.0
    overdue: int = 0
    failures: list[str] = field(default_factory=list)
    avoided: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return f"{self.job.folder.path.name}, {chunk_name(self.span)}"
