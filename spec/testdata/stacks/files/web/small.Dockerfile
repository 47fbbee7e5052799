FROM alpine:3.22
CMD ["web", "--small"]
