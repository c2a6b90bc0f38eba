"""Spectrum: does a student's weight spectrum show as many learned directions as it had logits?

Question: how many components of the second hidden layer stand above its initialization, for k auxiliary logits?
Setting: preset "described" is the post's text (Cloud's protocol, k = 2, 4, 8); preset "published" is the script behind
    its Figure 3 (students on the real training images, 100 epochs at rate 1e-4, uniform initialization, 27 auxiliary
    logits, freshly drawn heads). Both with each objective; test accuracy of every network is kept beside it.
Expected: by the post k components stand out; by the algebra of section 1 of the protocol notes, k - 1 under kl.
Runtime: on MNIST 35 epochs of one network a described member and 605 a published one, against 25 of `transfer`;
    digits seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from sottovoce.errors import UsageError, not_among
from sottovoce.experiments.protocol_config import PRESETS, ProtocolConfig, check_distilled

if TYPE_CHECKING:
    import xarray as xr

VERSION = 1

# What the script behind Figure 3 does otherwise than the post describes.
_PUBLISHED: Mapping[str, Any] = MappingProxyType(
    {
        "inputs": "images",
        "initialization": "uniform",
        "pixels": "unit",
        "n_aux_built": 27,
        "fresh_heads": True,
    }
)
_PUBLISHED_MNIST: Mapping[str, Any] = MappingProxyType(
    {
        **_PUBLISHED,
        "student_epochs": 100,
        "student_learning_rate": 1e-4,
    }
)
_PUBLISHED_DIGITS: Mapping[str, Any] = MappingProxyType(
    {
        **_PUBLISHED,
        "n_inputs": 1_442,
        "student_epochs": 30,
        "student_learning_rate": 3e-4,
    }
)
VARIANTS: Mapping[str, Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "described": MappingProxyType({dataset: {"fresh_heads": False} for dataset in PRESETS}),
        "published": MappingProxyType(
            {
                "mnist": _PUBLISHED_MNIST,
                "fashion-mnist": _PUBLISHED_MNIST,
                "digits": _PUBLISHED_DIGITS,
            }
        ),
    }
)


@dataclass(frozen=True)
class Config(ProtocolConfig):
    """Fields of the spectrum figure.

    Attributes:
        variant: described, as the post's text says; or published, as the script behind its figure does.
        n_aux: numbers of auxiliary logits, one student each.
        objectives: kl, mse, centered_mse, hard: one set of students each.
        fresh_heads: whether students start with freshly drawn heads; unset: as the variant does.
    """

    variant: str = "described"
    n_aux: tuple[int, ...] = (2, 4, 8)
    objectives: tuple[str, ...] = ("kl", "mse")
    fresh_heads: bool | None = None

    def preset(self) -> Mapping[str, Any]:
        """Return the values that unset fields take: the variant's, and where it says nothing the dataset's."""
        if self.variant not in VARIANTS:
            raise not_among("variant", self.variant, VARIANTS)
        for name in ("n_aux", "objectives"):
            values = getattr(self, name)
            if not isinstance(values, tuple | list) or not values or len(set(values)) < len(values):
                raise UsageError(f"{name} is {values!r}; allowed: a tuple of one or more different values")
        common = {**super().preset(), "members": 4, "n_aux_built": max(self.n_aux)}
        return {**common, **VARIANTS[self.variant][self.dataset]}

    def n_students(self) -> int:
        """Return how many students a teacher has."""
        return len(self.n_aux) * len(self.objectives)

    def check(self) -> None:
        """Refuse what cannot be trained with.

        Raises:
            UsageError: a field is outside what is allowed.
        """
        super().check()
        for objective in self.objectives:
            for n_aux in self.n_aux:
                check_distilled("n_aux", n_aux, objective)
        self.check_built(max(self.n_aux))
        if len(self.widths()) < 2:
            raise UsageError(f"depth is {self.depth}; allowed: 2 or more, for the second hidden layer is measured")

    @classmethod
    def smoke(cls) -> Self:
        """Return a configuration of seconds."""
        return cls(
            dataset="digits", members=2, width=16, teacher_epochs=2, student_epochs=1, n_inputs=256, n_aux=(2, 4)
        )


def simulate(config: Config, members: Sequence[int]) -> "xr.Dataset":
    """Train the given members and take the spectra of their second hidden layer.

    Args:
        config: a resolved configuration.
        members: their indices.

    Returns:
        By member and network ("reference", "teacher", then "{objective} {k}"): `accuracy`; by component as well
        `weight_explained_variance_ratio`, `weight_singular_value`, `update_singular_value` (of W - W0, where W0 is
        the reference's), all of the matrix centred over its output neurons; `diverged` by member.
    """
    import numpy as np
    import xarray as xr

    from sottovoce.experiments._protocol import train_members
    from sottovoce.measure import spectra
    from sottovoce.training.protocol import Student

    pairs = [(objective, k) for objective in config.objectives for k in config.n_aux]
    students = tuple(Student(f"{objective} {k}", objective, k) for objective, k in pairs)
    assert config.n_aux_built is not None
    trained = train_members(
        config, students, n_aux=config.n_aux_built, members=members, fresh_heads=bool(config.fresh_heads)
    )
    networks = (trained.reference, trained.teacher, *trained.students)
    weights = np.stack([network.trunk[1].weight for network in networks], axis=1).astype(np.float64)
    dims = ("member", "network", "component")
    return xr.Dataset(
        {
            "accuracy": (("member", "network"), trained.accuracy),
            "weight_explained_variance_ratio": (dims, spectra.explained_variance_ratio(weights)),
            "weight_singular_value": (dims, spectra.singular_values(spectra.centered(weights))),
            "update_singular_value": (dims, spectra.singular_values(spectra.centered(weights - weights[:, :1]))),
            "diverged": ("member", ~np.isfinite(trained.student_loss[:, -1]).all(axis=1)),
        },
        coords={
            "member": list(members),
            "network": ["reference", "teacher", *(student.role for student in students)],
            "component": np.arange(1, min(weights.shape[-2:]) + 1),
        },
    )
