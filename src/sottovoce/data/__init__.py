"""What networks are trained on: labeled images (embedded, found or fetched) and distillation inputs.

The public names are listed once, in ``__init__.pyi``; each is imported when first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
