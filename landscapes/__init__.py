"""Floor 1: the loss and its gradient noise. Imports nothing from the other floors."""

# Name on the command line -> (module, class). Adding a landscape or a noise touches its own file and one line here.
LANDSCAPES = {
    "saddle": ("quadratic_saddle", "QuadraticSaddle"),
    "piecewise-quadratic": ("piecewise_quadratic_well", "PiecewiseQuadraticWell"),
    "quartic": ("quartic_well", "QuarticWell"),
    "styblinski-tang": ("styblinski_tang", "StyblinskiTang"),
    "mueller-brown": ("mueller_brown", "MuellerBrown"),
    "pseudo-huber": ("pseudo_huber", "PseudoHuber"),
    "expression": ("expression", "from_expression"),
}
NOISES = {
    "isotropic": ("isotropic_noise", "IsotropicNoise"),
    "constant": ("constant_noise", "ConstantNoise"),
    "hessian": ("hessian_noise", "HessianNoise"),
}
