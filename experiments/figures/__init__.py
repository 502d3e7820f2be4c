"""Figures, one file each: those of a command's result, and those that ``saddlescape plot`` draws by name."""

# Name -> (what it shows, module), in the order of the gallery.
FIGURES = {
    "trajectories": ("The same noise under several rules: trajectories on a landscape", "trajectories"),
    "surface": ("A landscape as a surface, with an escape on it", "surface"),
    "flat-and-sharp": ("What a flat and a sharp minimum are, and where the noise leaves them", "flat_and_sharp"),
    "saddle-point": ("What a saddle is: down along one direction, up along the other", "saddle_point"),
    "escape-path": ("What an escape path is: long waiting, then quickly over the saddle", "escape_path"),
    "saddle-density": ("A cloud on a saddle spreads along one direction and settles along another", "saddle_density"),
    "saddle-spreading": ("Variance along every direction of a saddle, beside every reference", "saddle_spreading"),
    "drift-and-diffusion": ("What momentum carries off a saddle, and what the noise adds", "drift_and_diffusion"),
    "inertia": ("Adai's inertia in every coordinate, beside its prediction", "inertia"),
    "well-density": ("A cloud fills a double well: histogram and Fokker-Planck density in time", "well_density"),
    "survival": ("Who has not escaped yet, and whether escape is memoryless", "survival"),
    "arrhenius": ("Escape times against the barrier over the temperature, measured and by every rung", "arrhenius"),
    "low-temperature": ("Whether a closed form comes true as temperature falls, by splitting", "low_temperature"),
    "splitting-cost": ("What rare escapes cost, directly and by splitting", "splitting_cost"),
    "rare-paths": ("Escapes too rare to wait for, and where on the way they pay: the s of Theorem 3", "rare_paths"),
    "ladder": ("Simulated, exact iteration, exact diffusion, closed form: what each step costs", "ladder"),
    "flatness": ("Escape against the sharpness of a minimum, with fitted exponents", "flatness"),
    "regime": ("Where a statement holds: closed form over exact, with the bounds that were found", "regime"),
    "convergence": ("How fast gradients fade as the horizon grows, beside the bounds of Theorem 4", "convergence"),
    "saddle-animation": ("A cloud leaves a saddle under several rules, at the same time", "saddle_animation"),
    "leak-animation": ("A cloud leaks out of a well while its survival curve grows", "leak_animation"),
}
