"""Floor 2: update rules, Langevin integrators, random streams, kernels, ensembles and estimates."""

# Name on the command line -> (module, class). Adding a rule touches its own file and one line here.
RULES = {
    "sgd": ("sgd", "SGD"),
    "momentum": ("momentum", "Momentum"),
    "adam": ("adam", "Adam"),
    "adamw": ("adamw", "AdamW"),
    "adai": ("adai", "Adai"),
    "adaiw": ("adaiw", "AdaiW"),
    "langevin": ("langevin", "Langevin"),
    "underdamped": ("underdamped", "UnderdampedLangevin"),
}
