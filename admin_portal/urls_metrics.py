"""The address that a monitoring system reads."""

from django.urls import path

from admin_portal.metrics import metrics

urlpatterns = [path("metrics", metrics, name="metrics")]
