def loss(σ, μ):
    return σ * μ
