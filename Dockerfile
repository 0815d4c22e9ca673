# An action's image of a model's image: the same image, a folder more, and the adapter in front of its start command.
# build.sh also hands on the start command that the model's image has; it's `python app.py` in every MAX image.
ARG BASE=quay.io/codait
ARG MODEL=max-object-detector

FROM ${BASE}/${MODEL}
ARG BASE
ARG MODEL
LABEL org.opencontainers.image.base.name=${BASE}/${MODEL}
COPY openwhisk.py /openwhisk/openwhisk.py
COPY openwhisk_adapter /openwhisk/openwhisk_adapter
EXPOSE 8080
ENTRYPOINT ["python", "/openwhisk/openwhisk.py"]
CMD ["python", "app.py"]
