"""The fields of experiments whose students share one objective on one number of auxiliary logits."""

from dataclasses import dataclass

from sottovoce.experiments.protocol.config import ProtocolConfig
from sottovoce.experiments.protocol.objectives import Objective
from sottovoce.lab.checks import Count


@dataclass(frozen=True)
class DistillationConfig(ProtocolConfig):
    """Fields of an experiment whose students all share one objective on one number of auxiliary logits.

    Attributes:
        n_aux: auxiliary logits distilled.
        objective: the loss on the distilled logits: kl, mse, centered_mse (on logits minus the mean of the
            sample's logits, so invariant to a common shift like kl) or hard (cross-entropy on the teacher's largest
            logit).
    """

    n_aux: Count = 3
    objective: Objective = "kl"

    def distilled(self) -> tuple[tuple[str, int], ...]:
        """Return objective and number of auxiliary logits of the students."""
        return ((self.objective, self.n_aux),)
