"""Networks that memorise labelled points robustly: zero error on the whole ball around every one of them."""
