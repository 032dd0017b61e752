"""Addresses of the phone simulator, embedded mode only."""

from django.urls import path

from messenger.web import phone

urlpatterns = [
    path("", phone.choose, name="phones"),
    path("<int:contact_id>/", phone.phone, name="phone"),
    path("<int:contact_id>/texts/", phone.texts, name="phone_texts"),
    path("<int:contact_id>/answer/", phone.answer, name="phone_answer"),
]
