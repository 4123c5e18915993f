"""Models, replicas, admission, routing and talking to engines; knows no caller and no original."""
