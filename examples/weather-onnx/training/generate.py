"""Writes weather.csv: hours of an invented town. Not measurements; made so that a model has something to find.

    python training/generate.py

Pressure wanders over days; low pressure brings humidity, clouds and wind, humid air fog. An hour is called one after
which it rains by chance, the chance growing with what a forecaster would look at: low pressure, humid air, clouds,
rain that falls already. So no model can be right about every hour.
"""

import csv
import math
import random
from pathlib import Path

HOURS = 3000
KINDS = ("Clear", "Clouds", "Fog", "Drizzle", "Rain", "Snow", "Thunderstorm")


def main():
    chance = random.Random(11)
    rows, pressure = [], 1013.0
    for hour in range(HOURS):
        pressure += (1013 - pressure) * 0.02 + chance.gauss(0, 1.3)
        rows.append(row_of(hour * 3, pressure, chance))
    with open(Path(__file__).with_name("weather.csv"), "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def row_of(hour, pressure, chance):
    season = -math.cos(2 * math.pi * hour / 8766)
    daytime = -math.cos(2 * math.pi * (hour % 24 - 3) / 24)
    low = (1013 - pressure) / 10
    temperature = 10 + 9 * season + 4 * daytime - 1.5 * low + chance.gauss(0, 2)
    humidity = min(100, max(20, 68 + 12 * low - 8 * daytime + chance.gauss(0, 9)))
    wind = max(0, 11 + 6 * low + chance.gauss(0, 5))
    kind = kind_of(temperature, humidity, low, chance)
    visibility = max(0.1, {"Fog": 0.6, "Rain": 7, "Snow": 3, "Drizzle": 8}.get(kind, 18) + chance.gauss(0, 1.5))
    wet = kind in ("Drizzle", "Rain", "Thunderstorm", "Snow")
    score = 1.6 * low + 0.07 * (humidity - 72) + 1.7 * wet + 0.5 * (kind == "Clouds") - 0.8 * (kind == "Clear") - 1.2
    return {
        "temperature": round(temperature, 1),
        "humidity": round(humidity),
        "wind_speed": round(wind, 1),
        "visibility": round(visibility, 1),
        "pressure": round(pressure, 1),
        "current_weather": kind,
        "rain": int(chance.random() < 1 / (1 + math.exp(-score))),
    }


def kind_of(temperature, humidity, low, chance):
    cloudy = low + (humidity - 70) / 25 + chance.gauss(0, 0.6)
    if humidity > 88 and low < 0.8 and chance.random() < 0.3:
        return "Fog"
    if cloudy > 1.4:
        wet = "Snow" if temperature < 0.5 else "Thunderstorm" if temperature > 20 and low > 0.6 else "Rain"
        return "Drizzle" if wet == "Rain" and chance.random() < 0.3 else wet
    return "Clouds" if cloudy > 0 else "Clear"


if __name__ == "__main__":
    main()
