"""Floor 1: the loss and its gradient noise. Imports nothing from the other floors."""

# Name on the command line -> (module, class). Adding a landscape or a noise touches its own file and one line here.
LANDSCAPES = {
    "quartic": ("quartic_well", "QuarticWell"),
}
NOISES = {
    "isotropic": ("isotropic_noise", "IsotropicNoise"),
}
