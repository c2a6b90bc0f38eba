"""What networks are trained on: labeled images (embedded, found or fetched) and distillation inputs."""

from sottovoce import lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules={"catalog", "datasets", "facts", "fetch", "folders", "idx", "image_files", "images", "inputs", "kinds"},
    submod_attrs={
        "datasets": ["AUTO", "NAMES", "Status", "choose_dataset", "digests", "load_dataset", "status"],
        "images": ["LabeledImages"],
        "folders": ["locate", "searched_first"],
        "inputs": ["STANDARD", "distillation_inputs", "input_rows"],
    },
)
