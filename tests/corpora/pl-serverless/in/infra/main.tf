terraform {
  required_version = ">= 1.7"
  backend "s3" {
    bucket = "dziura-stan-terraform"
    key    = "prod.tfstate"
    region = "eu-central-1"
  }
}

variable "nadawca" { type = string }
variable "poziom_logu" {
  type    = string
  default = "info"
}

resource "aws_dynamodb_table" "zgloszenia" {
  name             = "zgloszenia"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "id"
  stream_enabled   = true
  stream_view_type = "NEW_IMAGE"
  attribute {
    name = "id"
    type = "S"
  }
  attribute {
    name = "geohash8"
    type = "S"
  }
  global_secondary_index {
    name            = "wg-geohash"
    hash_key        = "geohash8"
    projection_type = "ALL"
  }
}

resource "aws_sqs_queue" "zmiany_stanu" {
  name = "zmiany-stanu"
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dlq.arn
    maxReceiveCount     = 3
  })
}

resource "aws_sqs_queue" "dlq" {
  name = "zmiany-stanu-dlq"
}

# pozostałe zasoby: do napisania według docs/funkcje.md
