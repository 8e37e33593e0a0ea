"""What runs beside the server: standard library only, started by ``python -I -S``, never imported by the product.

These files import each other relatively, so that they work as a package of their own
(``inside``) in a fresh interpreter that sees nothing of Weighlock or its dependencies.
"""
